-- transaction: yes
-- locks: exposure_events (access exclusive)

-- A partitioned index can not be dropped concurrently.
-- squawk-ignore require-concurrent-index-deletion
drop index exposure_events_surface_idx;
