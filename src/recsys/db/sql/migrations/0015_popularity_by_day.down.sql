-- transaction: no
-- done when: select to_regclass('item_popularity_daily_day_idx') is null
-- locks: item_popularity_daily (access exclusive, for a moment)
-- squawk-ignore prefer-robust-stmts
drop index concurrently item_popularity_daily_day_idx;
