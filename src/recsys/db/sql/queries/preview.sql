-- name: sample
select user_key, session_id, segment, request, cardinality(item_ids)
from exposure_events
where tenant_id = %(tenant_id)s and surface = %(surface)s
order by occurred_at desc
limit %(count)s
