-- transaction: no
-- done when: select exists (select from pg_index where indisvalid and indexrelid = to_regclass('item_covisit_daily_day_idx'))
-- before again: drop index concurrently if exists item_covisit_daily_day_idx
-- locks: item_covisit_daily (share update exclusive)
--
-- As for popularity; 7 bytes a row, because the rows of a day are duplicates to the index.
-- squawk-ignore prefer-robust-stmts
create index concurrently item_covisit_daily_day_idx on item_covisit_daily (tenant_id, namespace, day);
