"""What a person does in Stripe's dashboard, or makes happen in the world outside: no request causes its events.

``actions`` is the table of all of it; the control interface and the dashboard page both read that table.
"""
