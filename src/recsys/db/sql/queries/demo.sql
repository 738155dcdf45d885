-- name: is_loaded
select exists (
    select from tenants join item_covisit_daily on item_covisit_daily.tenant_id = tenants.id
    where tenants.external_id = %s and item_covisit_daily.namespace = %s
)
