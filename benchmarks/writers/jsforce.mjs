// jsforce: one file of CSV as a stream, one job, all results in memory.
//
//     node benchmarks/writers/jsforce.mjs FOLDER   (beside a node_modules with jsforce)
import { createReadStream, readFileSync } from "node:fs";
import jsforce from "jsforce";

const imported = process.cpuUsage();
const folder = process.argv[2];
const ready = JSON.parse(readFileSync(`${folder}/org.json`, "utf8"));
const org = new jsforce.Connection({
  oauth2: { loginUrl: ready.base_url, clientId: ready.client_id, clientSecret: ready.client_secret },
  instanceUrl: ready.base_url,
  version: "64.0",
});
await org.authorize({ grant_type: "client_credentials" });
const results = await org.bulk2.loadAndWaitForResults({
  object: "Opportunity",
  operation: "upsert",
  externalIdFieldName: "External_ID__c",
  input: createReadStream(`${folder}/rows.csv`),
  pollInterval: 250,
  pollTimeout: 600000,
});
if (results.failedResults.length) throw new Error(JSON.stringify(results.failedResults[0]));
const used = process.cpuUsage(imported);
const told = { rows: results.successfulResults.length, cpu_s: (used.user + used.system) / 1e6 };
console.log(JSON.stringify(told));
