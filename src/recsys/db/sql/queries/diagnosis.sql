-- What the runbook of empty lists asks, each in milliseconds: names by jumping through an index, days by its two ends.

-- name: tenants
-- Names to compare with one that is not there; more than these are not read.
select external_id, status from tenants order by external_id limit 10000

-- name: namespaces
with recursive tags as (
    (select namespace from item_tags where tenant_id = %(tenant_id)s order by namespace limit 1)
    union all
    select (select namespace from item_tags where tenant_id = %(tenant_id)s and namespace > tags.namespace order by namespace limit 1)
    from tags where tags.namespace is not null
), popularity as (
    (select namespace from item_popularity_daily where tenant_id = %(tenant_id)s order by namespace limit 1)
    union all
    select (
        select namespace from item_popularity_daily
        where tenant_id = %(tenant_id)s and namespace > popularity.namespace order by namespace limit 1
    )
    from popularity where popularity.namespace is not null
), covisitation as (
    (select namespace from item_covisit_daily where tenant_id = %(tenant_id)s order by namespace limit 1)
    union all
    select (
        select namespace from item_covisit_daily
        where tenant_id = %(tenant_id)s and namespace > covisitation.namespace order by namespace limit 1
    )
    from covisitation where covisitation.namespace is not null
)
select namespace from (select * from tags union select * from popularity union select * from covisitation) as named
where namespace is not null
order by namespace collate "C"

-- name: days
select
    (select min(day) from item_popularity_daily where tenant_id = %(tenant_id)s and namespace = %(namespace)s) as popularity_first,
    (select max(day) from item_popularity_daily where tenant_id = %(tenant_id)s and namespace = %(namespace)s) as popularity_last,
    (select min(day) from item_covisit_daily where tenant_id = %(tenant_id)s and namespace = %(namespace)s) as covisitation_first,
    (select max(day) from item_covisit_daily where tenant_id = %(tenant_id)s and namespace = %(namespace)s) as covisitation_last,
    (
        select count(*) from (
            select from item_popularity_daily
            where tenant_id = %(tenant_id)s and namespace = %(namespace)s and day > %(tomorrow)s limit 1000
        ) as ahead
    ) as popularity_ahead,
    (
        select count(*) from (
            select from item_tags
            where tenant_id = %(tenant_id)s and namespace = %(namespace)s and deleted_at is not null and not available limit 1000
        ) as gone
    ) as deleted

-- name: disabled_triggers
-- Serving follows the log that these write.
select tgrelid::regclass::text, tgname::text
from pg_trigger
where tgname ~ '^log_' and tgenabled = 'D'
    and tgrelid::regclass::text in (
        'item_tags', 'item_popularity_daily', 'item_covisit_daily', 'tenants', 'tenant_configs_current', 'tenant_rules_current', 'tenant_api_keys'
    )
order by 1, 2

-- name: documents
select
    (select etag from tenant_config_versions as version join tenant_configs_current as pointer
        on pointer.tenant_id = version.tenant_id and pointer.config_version_id = version.id where version.tenant_id = %(tenant_id)s),
    (select etag from tenant_rule_versions as version join tenant_rules_current as pointer
        on pointer.tenant_id = version.tenant_id and pointer.rules_version_id = version.id where version.tenant_id = %(tenant_id)s)

-- name: last_exposure
-- Bounded, so that only partitions of late are looked at.
select max(occurred_at) from exposure_events
where tenant_id = %(tenant_id)s and surface = %(surface)s and occurred_at > now() - interval '7 days'

-- name: dead_letters
select count(*) from (select from dead_letters where replayed_at is null limit 1000) as letters

-- name: server
select current_setting('server_version'), clock_timestamp(), (select count(*) from tenants)
