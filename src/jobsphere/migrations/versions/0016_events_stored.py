"""Workers hear of events as soon as they are stored."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE FUNCTION tell_events_stored() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('jobsphere_events_stored', '');
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER tell_events_stored AFTER INSERT ON webhook_events
    FOR EACH STATEMENT EXECUTE FUNCTION tell_events_stored()
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
