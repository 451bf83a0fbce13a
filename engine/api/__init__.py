"""HTTP: events and commands in, views out, problems as RFC 9457 has them, and a page for the operator's browser.

problems.py   every error as a problem document
access.py     who asks, and whether they may
service.py    what the routes share: the writer, a reading of the store, the policy in force
events.py     POST /v1/events
commands.py   POST /v1/orders/{order}/commands
orders.py     orders, work, dead letters, summary
operate.py    what an operator does to the store: policy, clock, dead letters
health.py     health, readiness, metrics
html.py       pages are made of it: pages.py, overview.py, order_page.py
describe.py   /openapi.json
app.py        the application; server.py serves it
"""
