"""How objects are shown that are more than their record: the same wherever they stand in an answer."""

from stripe_sandbox.connect import accounts
from stripe_sandbox.http.expand import Views
from stripe_sandbox.money import transfers
from stripe_sandbox.payments import customers, dispute_course

VIEWS: Views = {
    "account": accounts.view,
    "customer": lambda _sandbox, customer: customers.view(customer),
    "dispute": dispute_course.view,
    "transfer": transfers.view,
}
