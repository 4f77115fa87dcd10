-- One query a line, which Hyper answers. Without an ORDER BY the rows come in any order.
SELECT * FROM "Opp__dlm" ORDER BY "Key__c"
SELECT count(*) AS "n" FROM "Opp__dlm"
SELECT count(*), max("Key__c"), "Name__c" IS NULL FROM "Opp__dlm" GROUP BY 3
SELECT CAST("Key__c" AS text) AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CAST("Key__c" AS varchar) AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CAST("Name__c" AS text) AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CAST("Name__c" AS varchar) AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CAST("Amount__c" AS text) AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CAST("Amount__c" AS varchar) AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CAST("Close__c" AS text) AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CAST("Close__c" AS varchar) AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CAST("Changed__c" AS text) AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CAST("Changed__c" AS varchar) AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CAST("IsWon__c" AS text) AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CAST("IsWon__c" AS varchar) AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CAST("Count__c" AS text) AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CAST("Count__c" AS varchar) AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CAST("Share__c" AS text) AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CAST("Share__c" AS varchar) AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT "Share__c"::text, "Amount__c"::text FROM "Opp__dlm" ORDER BY "Key__c"
SELECT "Key__c" FROM "Opp__dlm" WHERE "Key__c" > 'K' AND "Key__c" <= 'k-9' ORDER BY 1
SELECT "Key__c" FROM "Opp__dlm" ORDER BY "Name__c" DESC, "Key__c" LIMIT 3 OFFSET 1
SELECT "Key__c" FROM "Opp__dlm" ORDER BY "Name__c", "Key__c"
SELECT "Key__c" FROM "Opp__dlm" WHERE "Close__c" >= '2026-01-01' ORDER BY 1
SELECT "Key__c" FROM "Opp__dlm" WHERE "Changed__c" > '2026-01-31 10:20:30+00' ORDER BY 1
SELECT "Key__c" FROM "Opp__dlm" WHERE "Amount__c" > '5' ORDER BY 1
SELECT "Key__c" FROM "Opp__dlm" WHERE "IsWon__c" ORDER BY 1
SELECT "Key__c" FROM "Opp__dlm" WHERE "Name__c" LIKE '%o%' OR "Name__c" ILIKE 'ONE' ORDER BY 1
SELECT "Key__c" FROM "Opp__dlm" WHERE "Key__c" ~ '^k.[0-9]$' ORDER BY 1
SELECT "Key__c" FROM "Opp__dlm" WHERE "Key__c" !~ '^k' ORDER BY 1
SELECT "Key__c" FROM "Opp__dlm" WHERE "Name__c" IN ('One', '') OR "Name__c" IS NULL ORDER BY 1
SELECT "Key__c" FROM "Opp__dlm" WHERE "Count__c" BETWEEN 0 AND 7 ORDER BY 1
SELECT "Key__c" FROM "Opp__dlm" WHERE "Name__c" IS DISTINCT FROM 'One' ORDER BY 1
SELECT "Key__c" FROM "Opp__dlm" a WHERE EXISTS (SELECT 1 FROM "Opp__dlm" b WHERE b."Count__c" > a."Count__c") ORDER BY 1
SELECT a."Key__c", b."Name__c" FROM "Opp__dlm" a JOIN "Opp__dlm" b USING ("Key__c") ORDER BY 1
SELECT a."Key__c" FROM "Opp__dlm" a LEFT JOIN "Opp__dlm" b ON a."Count__c" = b."Count__c" + 1 ORDER BY 1
WITH few AS (SELECT "Key__c" AS k FROM "Opp__dlm") SELECT count(*) AS "n", min(k) AS "k" FROM few
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r
SELECT "IsWon__c", count(*) AS "n", sum("Amount__c") AS "s" FROM "Opp__dlm" GROUP BY 1 HAVING count(*) > 1 ORDER BY 1
SELECT "IsWon__c" AS won, count(*) FILTER (WHERE "Count__c" > 0) AS "n" FROM "Opp__dlm" GROUP BY won ORDER BY won
SELECT count(DISTINCT "IsWon__c") AS "n", sum("Count__c") AS "s", min("Close__c") AS "m" FROM "Opp__dlm"
SELECT string_agg("Key__c", ',' ORDER BY "Key__c") AS "n" FROM "Opp__dlm"
SELECT "Key__c", row_number() OVER (ORDER BY "Key__c") AS "n" FROM "Opp__dlm" ORDER BY 1
SELECT "Key__c", lag("Key__c") OVER (ORDER BY "Key__c") AS "n" FROM "Opp__dlm" ORDER BY 1
SELECT DISTINCT "IsWon__c" FROM "Opp__dlm" ORDER BY 1
SELECT DISTINCT ON ("IsWon__c") "IsWon__c", "Key__c" FROM "Opp__dlm" ORDER BY "IsWon__c", "Key__c"
SELECT md5("Key__c"), length("Name__c"), substring("Key__c", 1, 2), ascii("Key__c") FROM "Opp__dlm" ORDER BY "Key__c"
SELECT trim("Name__c"), replace("Key__c", '-', '+'), strpos("Key__c", '-') FROM "Opp__dlm" ORDER BY "Key__c"
SELECT position('-' IN "Key__c"), substring("Key__c" FROM 2 FOR 1) FROM "Opp__dlm" ORDER BY "Key__c"
SELECT lpad("Key__c", 5, '0'), left("Key__c", 1), right("Key__c", 1), lower("Key__c"), upper("Key__c") FROM "Opp__dlm" ORDER BY "Key__c"
SELECT split_part("Key__c", '-', 2), reverse("Key__c"), concat("Key__c", "Count__c") FROM "Opp__dlm" ORDER BY "Key__c"
SELECT "Key__c" || '-' || "Count__c", coalesce("Name__c", 'none'), nullif("Name__c", '') FROM "Opp__dlm" ORDER BY "Key__c"
SELECT extract(year FROM "Close__c"), date_trunc('month', "Close__c"), "Close__c" + 1 FROM "Opp__dlm" ORDER BY "Key__c"
SELECT "Count__c" / 2, "Count__c" % 5, -"Count__c", abs("Count__c"), mod("Count__c", 5) FROM "Opp__dlm" ORDER BY "Key__c"
SELECT round("Amount__c", 1), floor("Amount__c"), ceil("Amount__c"), "Amount__c" * 2 FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CASE WHEN "Count__c" > 3 THEN 'many' ELSE "Name__c" END, greatest("Count__c", 3) FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CASE "Count__c" WHEN 7 THEN 1 ELSE 2.5 END AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT CAST("Count__c" AS bigint) AS "a", CAST("Amount__c" AS integer) AS "b" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT TRY_CAST("Key__c" AS integer) AS "n", try_cast('7' AS int4) AS "m" FROM "Opp__dlm"
SELECT DATE '2026-01-31' AS "d", TIMESTAMP '2026-01-31 10:00:00' AS "t", interval '1 day' IS NULL AS "i"
SELECT "Key__c" FROM "Opp__dlm" WHERE "Key__c" = 'a' UNION ALL SELECT "Name__c" FROM "Opp__dlm" WHERE "Count__c" = 7
SELECT "Key__c" FROM "Opp__dlm" EXCEPT SELECT "Key__c" FROM "Opp__dlm" WHERE "Count__c" > 0
SELECT * FROM (SELECT "Key__c", "Count__c" FROM "Opp__dlm") q WHERE q."Count__c" = 7
SELECT * EXCLUDE ("Name__c", "Share__c") FROM "Opp__dlm" ORDER BY "Key__c"
SELECT q.* FROM "Opp__dlm" q ORDER BY q."Key__c" FETCH FIRST 2 ROWS ONLY
SELECT (SELECT max("Count__c") FROM "Opp__dlm") AS "m", 1 IN (1, 2) AS "i", NULL AS "z"
VALUES (1, 'a'), (2, 'b')
TABLE "Opp__dlm"
SELECT n FROM (VALUES (1), (2)) v(n) ORDER BY n DESC
SELECT * FROM generate_series(1, 3)
SELECT "Key__c" FROM "Opp__dlm" ORDER BY "Key__c" COLLATE "binary"
SELECT ifnull("Name__c", 'none') AS "n" FROM "Opp__dlm" ORDER BY "Key__c"
SELECT 'ExternalId__c' AS "n" /* a comment */ LIMIT 1
SELECT 'a''b' AS "n"
SELECT count(*) OVER () AS "n", 3000000000 AS "b", 1e3 AS "f", 1.50 AS "d";
