-- transaction: no
-- for each partition of: exposure_events
-- index suffix: surface_idx
-- done when: select to_regclass(:'partition_index') is null
-- locks: each partition of exposure_events (share update exclusive)
drop index concurrently if exists :"partition_index";
