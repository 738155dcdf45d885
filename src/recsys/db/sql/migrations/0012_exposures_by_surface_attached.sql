-- transaction: no
-- for each partition of: exposure_events
-- index suffix: surface_idx
-- done when: select exists (select from pg_index join pg_inherits on inhrelid = indexrelid where indrelid = to_regclass(:'partition') and inhparent = to_regclass('exposure_events_surface_idx'))
-- locks: the index of each partition of exposure_events (access exclusive), the table (access share)
alter index exposure_events_surface_idx attach partition :"partition_index";
