-- transaction: yes
-- phase: pre
-- locks: item_popularity_daily (access exclusive)
--
-- A build removes only what a build wrote. Rows that are there already stay NULL: nobody knows who wrote them.
alter table item_popularity_daily add column built boolean;
alter table item_popularity_daily alter column built set default false;
comment on column item_popularity_daily.built is
    'Whether it was made by a build, which then may change and remove it; false for rows that you write. NULL counts as true';
