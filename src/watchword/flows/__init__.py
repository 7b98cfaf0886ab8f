"""What a person does, one module per intention; nothing here has heard of HTTP or a database.

A flow is a frozen dataclass whose fields are the ports it uses. It decides, orders the steps and
owns the transaction; expected branches are returned, refusals are raised.
"""
