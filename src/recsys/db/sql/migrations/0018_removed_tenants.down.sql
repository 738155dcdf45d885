-- transaction: yes
revoke select on tenant_removals from :"system";
