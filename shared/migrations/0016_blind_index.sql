-- Under which lookup key a row was made, so that a new key can take over while both are known. Rows of before are made anew too.

alter table lookups add column key_mark text not null default '';
create index lookups_by_key_mark on lookups (key_mark, owner);
comment on column lookups.key_mark is 'Names the lookup key, and tells nothing of it.';
