-- transaction: yes
-- Signal tables have no foreign keys: bulk loads would pay for them, and what is seeded by hand needs no order.

create table item_tags (
    tenant_id uuid not null,
    namespace text not null,
    item_id text not null,
    tags text[] not null default '{}',
    price numeric,
    available boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    constraint item_tags_pkey primary key (tenant_id, namespace, item_id),
    constraint item_tags_namespace_length check (char_length(namespace) between 1 and 128),
    constraint item_tags_item_id_length check (char_length(item_id) between 1 and 128),
    constraint item_tags_tags_without_null check (array_position(tags, null) is null),
    constraint item_tags_price_finite check (price >= 0 and price < 'Infinity')
);
comment on table item_tags is 'Signal: what is known of an item. A row per item that has tags, a price, or is not available';
comment on column item_tags.tenant_id is 'Whose item it is';
comment on column item_tags.namespace is 'Catalogue it belongs to';
comment on column item_tags.item_id is 'The tenant''s own id of the item';
comment on column item_tags.tags is 'Words that describe it, at most 64; brand:x and category:x are understood by rules and caps';
comment on column item_tags.price is 'Price, in the tenant''s currency';
comment on column item_tags.available is 'Whether it may be shown';
comment on column item_tags.created_at is 'Since when there is this item; new items may be lifted';
comment on column item_tags.updated_at is 'When it was last written';
comment on column item_tags.deleted_at is
    'Set, with available = false, tags and price emptied, when the item is deleted through the API: it stays away until it is put again. '
    'Means nothing once available is true';

create table item_popularity_daily (
    tenant_id uuid not null,
    namespace text not null,
    item_id text not null,
    day date not null,
    score numeric not null,
    constraint item_popularity_daily_pkey primary key (tenant_id, namespace, item_id, day),
    constraint item_popularity_daily_namespace_length check (char_length(namespace) between 1 and 128),
    constraint item_popularity_daily_item_id_length check (char_length(item_id) between 1 and 128),
    constraint item_popularity_daily_score_finite check (score >= 0 and score < 'Infinity')
);
comment on table item_popularity_daily is 'Signal: how much an item was wanted on a day. A row per item and day with any interaction';
comment on column item_popularity_daily.tenant_id is 'Whose item it is';
comment on column item_popularity_daily.namespace is 'Catalogue it belongs to';
comment on column item_popularity_daily.item_id is 'The tenant''s own id of the item';
comment on column item_popularity_daily.day is 'Day in UTC';
comment on column item_popularity_daily.score is 'Sum of the weights of that day''s interactions; decay happens when it is read';

create table item_covisit_daily (
    tenant_id uuid not null,
    namespace text not null,
    item_id text not null,
    neighbor_id text not null,
    day date not null,
    score numeric not null,
    constraint item_covisit_daily_pkey primary key (tenant_id, namespace, item_id, neighbor_id, day),
    constraint item_covisit_daily_namespace_length check (char_length(namespace) between 1 and 128),
    constraint item_covisit_daily_item_id_length check (char_length(item_id) between 1 and 128),
    constraint item_covisit_daily_neighbor_id_length check (char_length(neighbor_id) between 1 and 128),
    constraint item_covisit_daily_two_items check (neighbor_id <> item_id),
    constraint item_covisit_daily_score_finite check (score >= 0 and score < 'Infinity')
);
comment on table item_covisit_daily is
    'Signal: items met together. Directed: what is shown for item_id is neighbor_id, so builders write both directions. '
    'The largest of the signal tables: tens of rows per item and day';
comment on column item_covisit_daily.tenant_id is 'Whose items they are';
comment on column item_covisit_daily.namespace is 'Catalogue they belong to';
comment on column item_covisit_daily.item_id is 'Item that a visitor is at';
comment on column item_covisit_daily.neighbor_id is 'Item that was met near it';
comment on column item_covisit_daily.day is 'Day in UTC';
comment on column item_covisit_daily.score is 'How often they were met that day; the weight (LLR, cosine, ...) is made when it is read';

create trigger log_insert after insert on item_tags referencing new table as changed
    for each statement execute function recsys_log_changed_items('tags');
create trigger log_update after update on item_tags referencing old table as before new table as changed
    for each statement execute function recsys_log_changed_items('tags', 'tags, price, available, created_at, deleted_at');
create trigger log_delete after delete on item_tags referencing old table as changed
    for each statement execute function recsys_log_changed_items('tags');
create trigger log_truncate after truncate on item_tags
    for each statement execute function recsys_log_changed_items('tags');
create trigger log_insert after insert on item_popularity_daily referencing new table as changed
    for each statement execute function recsys_log_changed_items('popularity');
create trigger log_update after update on item_popularity_daily referencing old table as before new table as changed
    for each statement execute function recsys_log_changed_items('popularity', 'day, score');
create trigger log_delete after delete on item_popularity_daily referencing old table as changed
    for each statement execute function recsys_log_changed_items('popularity');
create trigger log_truncate after truncate on item_popularity_daily
    for each statement execute function recsys_log_changed_items('popularity');
create trigger log_insert after insert on item_covisit_daily referencing new table as changed
    for each statement execute function recsys_log_changed_items('covisitation');
create trigger log_update after update on item_covisit_daily referencing old table as before new table as changed
    for each statement execute function recsys_log_changed_items('covisitation', 'neighbor_id, day, score');
create trigger log_delete after delete on item_covisit_daily referencing old table as changed
    for each statement execute function recsys_log_changed_items('covisitation');
create trigger log_truncate after truncate on item_covisit_daily
    for each statement execute function recsys_log_changed_items('covisitation');

select recsys_isolate('item_tags', 'tenant_id', :'owner', :'service', :'system');
select recsys_isolate('item_popularity_daily', 'tenant_id', :'owner', :'service', :'system');
select recsys_isolate('item_covisit_daily', 'tenant_id', :'owner', :'service', :'system');
grant select, insert, update, delete on item_tags, item_popularity_daily, item_covisit_daily to :"service", :"system";
