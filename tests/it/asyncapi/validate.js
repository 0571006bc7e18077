// Reads an AsyncAPI document with AsyncAPI's own parser and prints what it finds, a line each: severity, path, message;
// then, for each operation, who does what on which topic with which Avro records.
const { Parser, fromFile } = require('@asyncapi/parser')
const { AvroSchemaParser } = require('@asyncapi/avro-schema-parser')

const SEVERITIES = ['error', 'warning', 'information', 'hint']

async function main(path) {
  const avro = AvroSchemaParser()
  const parser = new Parser()
  parser.registerSchemaParser(avro)
  const { document, diagnostics } = await fromFile(parser, path).parse()
  for (const found of diagnostics) {
    console.log(`${SEVERITIES[found.severity]} ${found.path.join('.')} ${found.message}`)
  }
  for (const operation of document?.operations() ?? []) {
    const [channel] = operation.channels()
    for (const message of operation.messages()) {
      const record = message.payload()?.json()['x-parser-original-payload']
      const name = record ? `${record.namespace}.${record.name}` : '-'
      console.log(`${operation.action()} ${channel.address()} ${message.id()} ${name}`)
      // In documents of version 3, parser 3.6 translates Avro schemas, but does not validate them.
      for (const found of record ? await avro.validate({ data: record, path: [] }) : []) {
        console.log(`error ${message.id()} ${found.message}`)
      }
    }
  }
}

main(process.argv[2])
