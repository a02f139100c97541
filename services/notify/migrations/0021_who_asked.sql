-- Who must hear that a handover was answered with no, or fell away, and that a coordination has ended.

CREATE TABLE senders (
    handover  text    PRIMARY KEY,
    sender    text    NOT NULL,                     -- JSON: actor, role, service, unit
    on_behalf boolean NOT NULL                      -- sent by the leader of the sender's unit: the sender is away
);
COMMENT ON TABLE senders IS 'Who sent each handover that nobody has answered yet.';

CREATE TABLE coordinators (
    case_ref    text NOT NULL,
    kind        text NOT NULL,
    coordinator text NOT NULL,                      -- JSON: actor, role, service, unit
    PRIMARY KEY (case_ref, kind)
);
COMMENT ON TABLE coordinators IS 'Who coordinates what in each case.';
