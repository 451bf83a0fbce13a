"""What people command: checked, made an event of, and carried out. The API and the command line both come here.

sending.py   what all have in common     orders.py   hold, release, unfreeze, …
merges.py    accept, refuse, undo        work.py     take, assign, note, done

A command is an ordinary event under the source `/people/<who>`, with the Idempotency-Key as its id: whoever sends it twice,
even across a crash, has commanded once.
"""
