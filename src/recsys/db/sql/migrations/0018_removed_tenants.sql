-- transaction: yes
--
-- A spool of a host that was away may still hold records of a tenant that was removed meanwhile: whoever drains it has to know.
grant select on tenant_removals to :"system";
