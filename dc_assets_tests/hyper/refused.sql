-- One query a line, before it the SQLSTATE with which Hyper refuses it.
42883 SELECT hash("Key__c") AS "n" FROM "Opp__dlm"
42883 SELECT list("Key__c") AS "n" FROM "Opp__dlm"
42883 SELECT strftime("Close__c", '%Y') AS "n" FROM "Opp__dlm"
42883 SELECT date_diff('day', "Close__c", "Close__c") AS "n" FROM "Opp__dlm"
42883 SELECT arg_max("Key__c", "Count__c") AS "n" FROM "Opp__dlm"
42883 SELECT arg_min("Key__c", "Count__c") AS "n" FROM "Opp__dlm"
42883 SELECT first("Key__c") AS "n" FROM "Opp__dlm"
42883 SELECT histogram("Key__c") AS "n" FROM "Opp__dlm"
42883 SELECT epoch("Changed__c") AS "n" FROM "Opp__dlm"
42883 SELECT epoch_ms("Changed__c") AS "n" FROM "Opp__dlm"
42883 SELECT strptime("Key__c", '%Y') AS "n" FROM "Opp__dlm"
42883 SELECT list_value("Key__c") AS "n" FROM "Opp__dlm"
42883 SELECT struct_pack("Key__c") AS "n" FROM "Opp__dlm"
42883 SELECT format('{}', "Key__c") AS "n" FROM "Opp__dlm"
42883 SELECT printf('%s', "Key__c") AS "n" FROM "Opp__dlm"
42883 SELECT levenshtein("Key__c", "Name__c") AS "n" FROM "Opp__dlm"
42883 SELECT typeof("Key__c") AS "n" FROM "Opp__dlm"
42883 SELECT count_star() AS "n" FROM "Opp__dlm"
42883 SELECT if("IsWon__c", 1, 2) AS "n" FROM "Opp__dlm"
42883 SELECT columns('Key__c') FROM "Opp__dlm"
42883 SELECT last_day("Close__c") AS "n" FROM "Opp__dlm"
42883 SELECT string_split("Key__c", '-') AS "n" FROM "Opp__dlm"
42883 SELECT quantile_cont("Amount__c", 0.5) AS "n" FROM "Opp__dlm"
42883 SELECT isfinite("Share__c") AS "n" FROM "Opp__dlm"
42601 SELECT * FROM range(3)
42601 SELECT * FROM read_csv('/etc/hostname')
42601 SELECT 1 AS "n" FROM "Opp__dlm" WHERE regexp_matches("Key__c", 'k')
42601 SELECT length("Amount__c") AS "n" FROM "Opp__dlm"
42601 SELECT upper("Count__c") AS "n" FROM "Opp__dlm"
42601 SELECT md5("Amount__c") AS "n" FROM "Opp__dlm"
42601 SELECT left("Key__c", '2') AS "n" FROM "Opp__dlm"
42601 SELECT substring("Amount__c", 1, 2) AS "n" FROM "Opp__dlm"
42601 SELECT sum("Key__c") AS "n" FROM "Opp__dlm"
42601 SELECT avg("Close__c") AS "n" FROM "Opp__dlm"
42601 SELECT sum("IsWon__c") AS "n" FROM "Opp__dlm"
42601 SELECT count(DISTINCT "Key__c", "Name__c") AS "n" FROM "Opp__dlm"
42601 SELECT date_trunc('month', "Key__c") AS "n" FROM "Opp__dlm"
42601 SELECT extract(year FROM "Key__c") AS "n" FROM "Opp__dlm"
42601 SELECT coalesce("Name__c", 0) AS "n" FROM "Opp__dlm"
42601 SELECT nullif("Key__c", 1) AS "n" FROM "Opp__dlm"
42601 SELECT greatest("Amount__c", "Key__c") AS "n" FROM "Opp__dlm"
42601 SELECT string_agg("Key__c") AS "n" FROM "Opp__dlm"
42704 SELECT CAST("Count__c" AS hugeint) AS "n" FROM "Opp__dlm"
42704 SELECT CAST("Count__c" AS double) AS "n" FROM "Opp__dlm"
42704 SELECT CAST("Count__c" AS tinyint) AS "n" FROM "Opp__dlm"
42704 SELECT CAST("Key__c" AS string) AS "n" FROM "Opp__dlm"
42704 SELECT "Count__c"::ubigint AS "n" FROM "Opp__dlm"
42704 SELECT CAST("Changed__c" AS datetime) AS "n" FROM "Opp__dlm"
42601 SELECT CAST("IsWon__c" AS date) AS "n" FROM "Opp__dlm"
42601 SELECT CAST("Close__c" AS integer) AS "n" FROM "Opp__dlm"
42601 SELECT "Amount__c" + '1' AS "n" FROM "Opp__dlm"
42601 SELECT "Close__c" + "Close__c" AS "n" FROM "Opp__dlm"
42601 SELECT -"Key__c" AS "n" FROM "Opp__dlm"
42601 SELECT "Count__c" // 2 AS "n" FROM "Opp__dlm"
42601 SELECT "Count__c" ** 2 AS "n" FROM "Opp__dlm"
42601 SELECT "Count__c" || 2 AS "n" FROM "Opp__dlm"
42601 SELECT 1 AS "n" FROM "Opp__dlm" WHERE "Count__c" == 2
42601 SELECT 1 AS "n" FROM "Opp__dlm" WHERE "Key__c" GLOB 'k*'
42601 SELECT 1 AS "n" FROM "Opp__dlm" WHERE "Amount__c" LIKE '1%'
42601 SELECT 1 AS "n" FROM "Opp__dlm" WHERE "Key__c" = 5
42601 SELECT 1 AS "n" FROM "Opp__dlm" WHERE "Key__c" IN ('a', 5)
42601 SELECT 1 AS "n" FROM "Opp__dlm" WHERE "Key__c" BETWEEN 1 AND 2
42601 SELECT 1 AS "n" FROM "Opp__dlm" WHERE "IsWon__c" = 1
42601 SELECT 1 AS "n" FROM "Opp__dlm" WHERE "Key__c" IN (SELECT "Amount__c" FROM "Opp__dlm")
42601 SELECT 1 AS "n" FROM "Opp__dlm" WHERE "Count__c"
42601 SELECT 1 AS "n" FROM "Opp__dlm" WHERE NOT "Key__c"
42601 SELECT 1 AS "n" FROM "Opp__dlm" WHERE "Key__c" AND TRUE
42601 SELECT CASE WHEN "IsWon__c" THEN "Key__c" ELSE "Amount__c" END AS "n" FROM "Opp__dlm"
42601 SELECT CASE WHEN "Count__c" THEN 1 END AS "n" FROM "Opp__dlm"
0A000 SELECT 1 AS "n" FROM "Opp__dlm" WHERE ("Key__c", "Name__c") > ('a', 'b')
0A000 SELECT 1 AS "n" FROM "Opp__dlm" WHERE ("Key__c", "Name__c") IN (('a', 'b'))
42601 FROM "Opp__dlm"
42601 FROM "Opp__dlm" SELECT "Key__c"
42601 SELECT [1, 2] AS "n"
42601 SELECT {'a': 1} AS "n"
42601 SELECT "Key__c" FROM "Opp__dlm" QUALIFY row_number() OVER () = 1
42601 SELECT "Key__c" FROM "Opp__dlm" USING SAMPLE 3
42601 SELECT "Key__c" FROM "Opp__dlm" TABLESAMPLE 10 PERCENT
42601 SELECT TOP 5 "Key__c" FROM "Opp__dlm"
42601 SELECT "Key__c" FROM "Opp__dlm" LIMIT 10%
42601 SELECT "Key__c" FROM "Opp__dlm" LIMIT -1
42601 SELECT * REPLACE (1 AS "Key__c") FROM "Opp__dlm"
42601 SELECT interval 1 day AS "n"
42601 SELECT a."Key__c" FROM "Opp__dlm" a ASOF JOIN "Opp__dlm" b ON a."Key__c" >= b."Key__c"
42601 SELECT 1 AS "n" UNION BY NAME SELECT 2 AS "n"
42601 DESCRIBE "Opp__dlm"
42601 SUMMARIZE "Opp__dlm"
42601 PIVOT "Opp__dlm" ON "Key__c" USING count(*)
42601 SHOW TABLES
42601 SELECT #1
42601 SELECT n: 1
42601 SELEC 1
42601 SELECT * FROM '/etc/hostname'
0A000 SELECT 1 AS "n"; SELECT 2 AS "n"
42601 SELECT 99999999999999999999
42703 SELECT Key__c FROM "Opp__dlm"
42703 SELECT "key__c" FROM "Opp__dlm"
42703 SELECT "Nothing__c" FROM "Opp__dlm"
42P01 SELECT "Key__c" FROM Opp__dlm
42P01 SELECT "Key__c" FROM "Nothing__dlm"
42P01 SELECT x."Key__c" FROM "Opp__dlm"
3F000 SELECT "Key__c" FROM nowhere."Opp__dlm"
42703 SELECT "Key__c" AS a, a || 'x' AS b FROM "Opp__dlm"
42703 SELECT "Key__c" AS a FROM "Opp__dlm" WHERE a = 'x'
42703 SELECT "Key__c" AS a FROM "Opp__dlm" GROUP BY "Key__c" HAVING a = 'x'
42601 SELECT "Name__c" FROM "Opp__dlm" a JOIN "Opp__dlm" b USING ("Key__c")
42601 SELECT 1 AS "n" FROM "Opp__dlm" a JOIN "Opp__dlm" b ON a."Key__c"
42703 SELECT "n" FROM (SELECT "Key__c" FROM "Opp__dlm") q
42601 SELECT "Key__c", count(*) AS "n" FROM "Opp__dlm"
42601 SELECT "Key__c", "Name__c" FROM "Opp__dlm" GROUP BY "Key__c"
42601 SELECT 1 AS "n" FROM "Opp__dlm" WHERE count(*) > 1
42601 SELECT max(count(*)) AS "n" FROM "Opp__dlm"
42601 SELECT "Key__c" FROM "Opp__dlm" ORDER BY 2
42601 SELECT "Key__c" FROM "Opp__dlm" UNION ALL SELECT "Amount__c" FROM "Opp__dlm"
42601 SELECT 1 UNION SELECT 1, 2
42601 SELECT "Key__c" FROM "Opp__dlm" WHERE "Key__c" = (SELECT "Key__c", "Name__c" FROM "Opp__dlm")
22012 SELECT 1 / 0 AS "n"
22P02 SELECT CAST('x' AS integer) AS "n"
22P02 SELECT CAST("Key__c" AS integer) AS "n" FROM "Opp__dlm"
22P02 SELECT CAST('2026-99-99' AS date) AS "n"
22P02 SELECT CAST('x' AS date) AS "n"
22P02 SELECT CAST('x' AS timestamp) AS "n"
22P02 SELECT CAST('x' AS boolean) AS "n"
22P02 SELECT CAST('x' AS numeric(10,2)) AS "n"
22003 SELECT CAST('99999999999' AS integer) AS "n"
22003 SELECT CAST(99999999999 AS integer) AS "n"
22003 SELECT CAST(12345.678 AS numeric(5,2)) AS "n"
22003 SELECT 2000000000 + 2000000000 AS "n"
2201F SELECT sqrt(-1) AS "n"
2201E SELECT ln(0) AS "n"
22021 SELECT chr(-1) AS "n"
22008 SELECT make_date(2026, 13, 1) AS "n"
21000 SELECT (SELECT "Key__c" FROM "Opp__dlm") AS "n"
