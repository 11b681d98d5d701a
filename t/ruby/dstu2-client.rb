# SPDX-License-Identifier: Apache-2.0
# Ruby's fhir_client with DSTU2 against a server. Argument: a JSON object { base, token, patient, open } as of
# t/node/dstu2-clients.js. Prints TAP.
gem 'json', '< 3' # fhir_dstu2_models calls what later ones do not have
require 'json'
require 'logger'
require 'fhir_client'

FHIR.logger = Logger.new(File::NULL)
o = JSON.parse(ARGV[0])
$n = 0
$failed = 0
def ok(held, name, more = nil)
  puts "#{held ? 'ok' : 'not ok'} #{$n += 1} - fhir_client: #{name}"
  return if held
  $failed += 1
  puts "# #{more.inspect[0, 500]}"
end

def client_of(base)
  client = FHIR::Client.new(base)
  client.use_dstu2
  client
end

client = client_of(o['base'])
client.set_bearer_token(o['token'])
conformance = client.conformance_statement
ok(conformance.is_a?(FHIR::DSTU2::Conformance) && conformance.fhirVersion == '1.0.2', 'conformance', conformance)
ok(conformance.valid?, 'that is valid', conformance&.validate)
reply = client.read(FHIR::DSTU2::Patient, o['patient'])
patient = reply.resource
ok(patient.is_a?(FHIR::DSTU2::Patient) && patient.name[0].family.is_a?(Array), 'read', reply.response)
ok(patient.valid?, 'a Patient that is valid', patient&.validate)
reply = client.read(FHIR::DSTU2::Patient, o['patient'], 'application/xml+fhir')
ok(reply.resource&.id == o['patient'], 'read as XML', reply.response)
ok(client.vread(FHIR::DSTU2::Patient, o['patient'], patient.meta.versionId).resource&.id == o['patient'], 'vread')
history = client.resource_instance_history(FHIR::DSTU2::Patient, o['patient']).resource
ok(history.type == 'history' && history.entry.size >= 1, 'history', history)
page = client.search(FHIR::DSTU2::Observation,
                     search: { parameters: { patient: o['patient'], _count: 1 } }).resource
ok(page.is_a?(FHIR::DSTU2::Bundle) && page.entry.size == 1, 'search', page)
page.client = client
following = page.next_bundle
ok(following&.entry&.size == 1 && following.entry[0].fullUrl != page.entry[0].fullUrl, 'the next page', following)
ok(client.read(FHIR::DSTU2::Patient, 'nobody').code == 404, 'what is not there')

condition = FHIR::DSTU2::Condition.new('patient' => { 'reference' => "Patient/#{o['patient']}" },
                                       'code' => { 'text' => 'made by fhir_client' },
                                       'clinicalStatus' => 'active', 'verificationStatus' => 'confirmed')
made = client_of(o['open']).create(condition)
ok(made.code == 201 && made.id, 'create', made.response)
puts "1..#{$n}"
exit($failed.zero? ? 0 : 1)
