-- Ids that sort as they were made, and moments of the last ninety days.

CREATE FUNCTION history_id(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN ('00000000-0000-7000-' || kind || '-' || lpad(to_hex(n), 12, '0'))::uuid;

CREATE FUNCTION history_at(n bigint) RETURNS timestamptz LANGUAGE sql STABLE
RETURN date_trunc('day', now()) - interval '90 days' + n * interval '5 seconds';
