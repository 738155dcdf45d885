-- transaction: yes
-- locks: exposure_events (share)
--
-- First of three: an index of a partitioned table can not be made concurrently. ONLY makes it on the parent alone, not valid yet;
-- a partition that is made from now on has it from the start.
-- ONLY builds nothing: the lock is held for a moment.
-- squawk-ignore require-concurrent-index-creation
create index exposure_events_surface_idx on only exposure_events (tenant_id, surface, occurred_at desc);
