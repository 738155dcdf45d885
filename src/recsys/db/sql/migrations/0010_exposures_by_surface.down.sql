-- transaction: yes
-- locks: exposure_events (access exclusive)
drop index exposure_events_surface_idx;
