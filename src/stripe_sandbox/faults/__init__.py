"""Faults on purpose: which requests and which deliveries go wrong, how and how often, by a plan that is JSON.

Whether a rule strikes depends on how many requests or deliveries it has seen, and on the plan's seed if the rule
has a probability; never on time or chance. So the same plan and the same requests give the same run.
"""
