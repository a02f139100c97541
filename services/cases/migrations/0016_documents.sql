-- Documents: sealed in pieces under a key drawn from the child's. Neither name nor title: the title is in the vault.

CREATE TABLE documents (
    document    text        PRIMARY KEY,
    owner       text        NOT NULL,               -- the case
    key_version integer     NOT NULL,
    prefix      bytea       NOT NULL CHECK (length(prefix) = 7),
    size        bigint      NOT NULL DEFAULT 0,
    pieces      integer     NOT NULL DEFAULT 0,
    ready       boolean     NOT NULL DEFAULT false, -- not before the event says that it was added
    scanned_at  timestamptz,
    begun_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- A data key that documents are sealed under cannot be dropped, only shredded.
    FOREIGN KEY (owner, key_version) REFERENCES data_keys (owner, version)
);
CREATE INDEX documents_by_owner ON documents (owner);
CREATE INDEX documents_unfinished ON documents (begun_at) WHERE NOT ready;

CREATE TABLE document_pieces (
    document text    NOT NULL REFERENCES documents (document) ON DELETE CASCADE,
    nth      integer NOT NULL CHECK (nth >= 0),
    sealed   bytea   NOT NULL CHECK (length(sealed) >= 16),
    PRIMARY KEY (document, nth)
);
ALTER TABLE document_pieces ALTER COLUMN sealed SET STORAGE external;  -- ciphertext does not compress
COMMENT ON TABLE document_pieces IS 'AES-256-GCM (STREAM), each bound to owner, document, number and whether it is the last.';
