-- The vault: what must never leave the service unasked. Everything about a person is ciphertext here, or a keyed hash.

create table data_keys (
    owner       text        not null,            -- the case
    version     integer     not null check (version > 0),
    key_id      text,                            -- the key-encryption key that wraps it
    wrapped     bytea,
    made_at     timestamptz not null default clock_timestamp(),
    shredded_at timestamptz,
    primary key (owner, version),
    -- A shredded owner keeps its row, without the key: nobody can make a new key under the old name.
    check ((wrapped is null) = (shredded_at is not null)),
    check ((wrapped is null) = (key_id is null))
);
create index data_keys_by_key_id on data_keys (key_id) where wrapped is not null;
comment on table data_keys is 'One data key per owner, wrapped; to forget the owner is to delete it.';

create table vault_records (
    owner       text        not null,
    record      text        not null,
    category    text        not null,
    key_version integer     not null,
    nonce       bytea       not null check (length(nonce) = 12),
    ciphertext  bytea       not null check (length(ciphertext) >= 16),
    written_at  timestamptz not null default clock_timestamp(),
    primary key (owner, record),
    foreign key (owner, key_version) references data_keys (owner, version)
);
alter table vault_records alter column ciphertext set storage external;  -- ciphertext does not compress
comment on table vault_records is 'AES-256-GCM, bound to owner, record, category and key version.';

create table lookups (
    kind  text  not null,
    hash  bytea not null check (length(hash) = 32),
    owner text  not null,
    primary key (kind, hash, owner)
);
create index lookups_by_owner on lookups (owner);
comment on table lookups is 'Finds an owner by name or national number, as HMAC-SHA-256 under a key that is not in the database.';
