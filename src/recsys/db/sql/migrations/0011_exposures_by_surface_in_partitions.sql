-- transaction: no
-- for each partition of: exposure_events
-- index suffix: surface_idx
-- done when: select exists (select from pg_index where indisvalid and indrelid = to_regclass(:'partition') and (indexrelid = to_regclass(:'partition_index') or exists (select from pg_inherits where inhrelid = indexrelid and inhparent = to_regclass('exposure_events_surface_idx'))))
-- before again: drop index concurrently if exists :"partition_index"
-- locks: each partition of exposure_events (share update exclusive)

-- The name is looked at first, by the check above.
-- squawk-ignore prefer-robust-stmts
create index concurrently :"partition_index" on :"partition" (tenant_id, surface, occurred_at desc);
