-- transaction: yes

create table signal_days_cut_off (
    tenant_id uuid not null,
    namespace text not null,
    day date not null,
    visits bigint not null,
    events bigint not null,
    constraint signal_days_cut_off_pkey primary key (tenant_id, namespace, day)
);
comment on table signal_days_cut_off is
    'Days on which visitors or sessions had more events than anybody has: bots, left out of the signals. Written when a day is built';
comment on column signal_days_cut_off.tenant_id is 'Whose events';
comment on column signal_days_cut_off.namespace is 'Catalogue that they would have fed';
comment on column signal_days_cut_off.day is 'Day in UTC';
comment on column signal_days_cut_off.visits is 'How many visitors and sessions had too many events';
comment on column signal_days_cut_off.events is 'How many events were left out with them';

select recsys_isolate('signal_days_cut_off', 'tenant_id', :'owner', :'service', :'system');
grant select, insert, update, delete on signal_days_cut_off to :"system";
