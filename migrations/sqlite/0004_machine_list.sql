-- Machines of an imported list are rows of device with status 4, and leave it by the thousand. A device that leaves takes its keys along;
-- without an index each of them would be looked for among the keys of the whole fleet.
CREATE INDEX device_key_device ON device_key (device_key);
