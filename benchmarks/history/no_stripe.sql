-- There is no Stripe in a benchmark: it is asked tomorrow what it kept of a charge.

CREATE FUNCTION history_ask_tomorrow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.next_try_at := NEW.next_try_at + interval '1 day';
    RETURN NEW;
END $$;

CREATE TRIGGER ask_tomorrow BEFORE INSERT ON charge_fees
FOR EACH ROW WHEN (NEW.next_try_at IS NOT NULL) EXECUTE FUNCTION history_ask_tomorrow();
