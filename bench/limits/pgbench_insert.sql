INSERT INTO bench_insert (record) VALUES (decode(repeat('ab', 300), 'hex'));
