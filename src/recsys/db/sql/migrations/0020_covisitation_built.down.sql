-- transaction: yes
-- locks: item_covisit_daily (access exclusive)
-- squawk-ignore ban-drop-column
alter table item_covisit_daily drop column built;
