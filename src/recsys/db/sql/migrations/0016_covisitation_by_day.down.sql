-- transaction: no
-- done when: select to_regclass('item_covisit_daily_day_idx') is null
-- locks: item_covisit_daily (access exclusive, for a moment)
-- squawk-ignore prefer-robust-stmts
drop index concurrently item_covisit_daily_day_idx;
