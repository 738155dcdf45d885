-- transaction: yes
-- squawk-ignore ban-drop-table
drop table signal_days_cut_off;
