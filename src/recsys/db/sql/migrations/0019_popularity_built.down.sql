-- transaction: yes
-- locks: item_popularity_daily (access exclusive)
-- squawk-ignore ban-drop-column
alter table item_popularity_daily drop column built;
