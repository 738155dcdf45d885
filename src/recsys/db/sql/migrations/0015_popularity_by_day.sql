-- transaction: no
-- done when: select exists (select from pg_index where indisvalid and indexrelid = to_regclass('item_popularity_daily_day_idx'))
-- before again: drop index concurrently if exists item_popularity_daily_day_idx
-- locks: item_popularity_daily (share update exclusive)
--
-- A build compares one day with what is there: without this it reads the whole table for each of its days.
-- squawk-ignore prefer-robust-stmts
create index concurrently item_popularity_daily_day_idx on item_popularity_daily (tenant_id, namespace, day);
