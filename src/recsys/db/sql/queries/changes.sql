-- name: since
-- The horizon and the rows come from one snapshot: what is not among the rows is committed at or after the horizon.
select pg_snapshot_xmin(pg_current_snapshot())::text as horizon,
    change.id, change.xid::text as xid, change.tenant_id, change.namespace, change.signal
from (values (1)) as look
left join signal_changes as change on change.xid >= %(horizon)s::text::xid8

-- name: forget
delete from signal_changes where created_at < now() - make_interval(hours => 24)

-- name: origin
-- What a snapshot that is read in this transaction is made of: which life of which server, and which transactions it sees. On a standby
-- pg_current_snapshot() does not list the open ones, so everything from the oldest of them on counts as not seen.
select (select system_identifier from pg_control_system()) || '/' || (select timeline_id from pg_control_checkpoint()),
    case
        when pg_is_in_recovery() then pg_snapshot_xmin(seen)::text || ':' || pg_snapshot_xmin(seen)::text || ':'
        else seen::text
    end
from pg_current_snapshot() as seen
