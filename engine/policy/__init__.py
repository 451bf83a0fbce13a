"""The policy: streams.yaml read, checked and compiled.

document.py   YAML → plain values with the line of every path
shape.py      plain values → `schemas.policy`, or what does not fit
check.py      whether it makes sense; the sections in lifecycles, deadlines, people, notices, ocel
compile.py    → `projections.policy.Policy`; calendars.py, hours of a zone → UTC intervals
load.py       all of it in turn
book.py       policies as the store keeps them
"""
