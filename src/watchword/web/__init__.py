"""The only rooms that know HTTP: the route table, the edge in front of it, and the pages behind.

To add a route: a line in `web.app.ROUTES` with its policy, limits, body and answers, a function of
the same name in `web.api`, and what it decides in a flow. The API reference, the authorization
matrix and its tests are made from that line.
"""
