-- transaction: yes
-- locks: exposure_events and its partitions (access exclusive)
--
-- An index can not be detached: the parent's goes with all of its parts, and comes back alone.
-- squawk-ignore require-concurrent-index-deletion
drop index exposure_events_surface_idx;
-- squawk-ignore require-concurrent-index-creation
create index exposure_events_surface_idx on only exposure_events (tenant_id, surface, occurred_at desc);
