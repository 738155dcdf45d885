-- transaction: yes

-- squawk-ignore ban-drop-function
drop function recsys_erase_detached(uuid, bytea[], text[], timestamptz);
