-- name: assume
select set_config('role', %s, true), set_config('app.tenant_id', %s, true),
    set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO, YMD', true)
