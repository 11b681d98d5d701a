# SPDX-License-Identifier: Apache-2.0
# Each search parameter and combination that US Core 3.1.1 to 8.0.0 asks for (SHALL and SHOULD) has hits
# among the first patients of fhirctl sample, and the server finds them.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(built run work_dir);
use JSON::PP ();
use Test::More;

my @wanted = split /\n/, <<'END';
AllergyIntolerance: patient, patient+clinical-status
CarePlan: patient+category, patient+category+date, patient+category+status, patient+category+date+status
CareTeam: role, patient+role, patient+status
Condition: patient, patient+_lastUpdated, patient+abatement-date, patient+asserted-date, patient+category
Condition: patient+clinical-status, patient+code, patient+onset-date, patient+recorded-date
Condition: patient+category+clinical-status, patient+category+encounter
Coverage: patient
Device: patient, patient+status, patient+type
DiagnosticReport: patient, patient+category, patient+code, patient+status, patient+_lastUpdated+category
DiagnosticReport: patient+category+date, patient+code+date
DocumentReference: _id, patient, patient+category, patient+status, patient+type, patient+category+date
DocumentReference: patient+period+type
Encounter: _id, patient, identifier, patient+_lastUpdated, patient+class, patient+date, patient+location
Encounter: patient+discharge-disposition, patient+status, patient+type
Goal: patient, patient+description, patient+lifecycle-status, patient+target-date
Immunization: patient, patient+date, patient+status
Location: address, address-city, address-postalcode, address-state, name
MedicationDispense: patient, patient+status, patient+status+type
MedicationRequest: patient+intent, patient+authoredon+intent, patient+encounter+intent, patient+intent+status
Observation: patient+category, patient+code, patient+_lastUpdated+category, patient+category+date
Observation: patient+category+status, patient+code+date
Organization: address, name
Patient: _id, identifier, name, birthdate+family, birthdate+name, death-date+family, family+gender, gender+name
Practitioner: _id, identifier, name
PractitionerRole: practitioner, specialty
Procedure: patient, patient+date, patient+status, patient+code+date
QuestionnaireResponse: _id, patient, patient+_tag, patient+authored, patient+questionnaire, patient+status
QuestionnaireResponse: patient+_tag+authored
RelatedPerson: _id, patient, name, patient+name
ServiceRequest: _id, patient, patient+category, patient+code, patient+status, patient+authored+category
ServiceRequest: patient+authored+code
Specimen: _id, patient
END

# Where a parameter's values are, when that is not the element of the same name.
my %path = (
    'AllergyIntolerance.patient' => 'patient', 'CarePlan.date' => 'period', 'CareTeam.role' => 'participant.role',
    'Condition.abatement-date' => 'abatementDateTime', 'Condition.asserted-date' => 'extension.valueDateTime',
    'Condition.onset-date' => 'onsetDateTime', 'Condition.recorded-date' => 'recordedDate',
    'Coverage.patient' => 'beneficiary', 'Device.patient' => 'patient', 'DiagnosticReport.date' => 'effectiveDateTime',
    'DocumentReference.period' => 'context.period', 'Encounter.date' => 'period',
    'Encounter.discharge-disposition' => 'hospitalization.dischargeDisposition',
    'Encounter.location' => 'location.location', 'Goal.target-date' => 'target.dueDate',
    'Immunization.date' => 'occurrenceDateTime', 'Immunization.patient' => 'patient',
    'Location.address' => 'address.city', 'Location.address-city' => 'address.city',
    'Location.address-postalcode' => 'address.postalCode', 'Location.address-state' => 'address.state',
    'MedicationRequest.authoredon' => 'authoredOn', 'Observation.date' => 'effectiveDateTime',
    'Organization.address' => 'address.city', 'Patient.birthdate' => 'birthDate',
    'Patient.death-date' => 'deceasedDateTime', 'Patient.family' => 'name.family', 'Patient.name' => 'name.given',
    'Practitioner.name' => 'name.family', 'Procedure.date' => 'performedDateTime',
    'RelatedPerson.patient' => 'patient', 'RelatedPerson.name' => 'name.family', 'ServiceRequest.authored' => 'authoredOn',
    '_tag' => 'meta.tag', '_id' => 'id', 'patient' => 'subject',
);

sub at {
    my ($value, @steps) = @_;
    return map { at($_, @steps) } @$value if ref $value eq 'ARRAY';
    return $value if !@steps;
    my $step = shift @steps;
    return ref $value eq 'HASH' && defined $value->{$step} ? at($value->{$step}, @steps) : ();
}

# Texts to search for: one form of each value.
sub values_of {
    my ($resource, $parameter) = @_;
    return 'ge2000-01-01' if $parameter eq '_lastUpdated';
    my $path = $path{"$resource->{resourceType}.$parameter"} // $path{$parameter}
        // $parameter =~ s/-(\w)/\u$1/gr;
    my @found;
    for my $value (at($resource, split /\./, $path)) {
        if (!ref $value) {
            push @found, $value =~ /^\d{4}-\d\d/ ? 'ge' . substr $value, 0, 10 : $value =~ s/([,\$|])/\\$1/gr;
        }
        elsif ($value->{coding}) { push @found, map { "$_->{system}|$_->{code}" } @{ $value->{coding} } }
        elsif ($value->{code}) { push @found, "$value->{system}|$value->{code}" }
        elsif ($value->{reference}) { push @found, $value->{reference} =~ s{^Patient/}{}r }
        elsif ($value->{start}) { push @found, 'ge' . substr $value->{start}, 0, 10 }
        elsif ($value->{system}) { push @found, "$value->{system}|$value->{value}" }
    }
    return @found;
}

my $t = FHIR::Test->new;
my $file = work_dir() . '/first.ndjson';
my $done = run({}, built('fhirctl'), 'sample', '--patients', 12, '--as-of', '2026-11-20', '--out', $file);
is($done->{status}, 0, 'fhirctl sample') or diag($done->{err});
$t->load($file);

my (%resources, $json);
$json = JSON::PP->new->utf8;
open my $in, '<:raw', $file or die $!;
while (my $line = <$in>) {
    my ($type) = $line =~ /"resourceType":"(\w+)"/;
    next if @{ $resources{$type} || [] } > 1500;
    push @{ $resources{$type} }, $json->decode($line);
}
close $in;

sub escaped { return join '&', map { s/([^A-Za-z0-9_.~=-])/sprintf '%%%02X', ord $1/ger } @_ }

for my $row (@wanted) {
    my ($type, $list) = split /: /, $row;
    for my $combination (split /, /, $list) {
        my @parameters = split /\+/, $combination;
        my ($resource, %value);
        for (@{ $resources{$type} }) {
            my $candidate = $_;
            %value = map { my ($first) = values_of($candidate, $_); $_ => $first } @parameters;
            $resource = $candidate;
            last if !grep { !defined $value{$_} } @parameters;
            undef $resource;
        }
        ok($resource, "$type?$combination: there is data") or next;
        my @pairs = map { my $v = $value{$_}; utf8::encode($v); "$_=$v" } @parameters;
        my $url = "/dev/r4/$type?" . escaped(@pairs, '_count=1000');
        my %hits;
        while ($url) {
            my $response = $t->get($url);
            is($response->status, 200, "$type?" . join('&', @pairs)) or diag($response->body), last;
            my $bundle = $response->json;
            $hits{ $_->{resource}{id} } = $_->{resource} for @{ $bundle->{entry} || [] };
            last if $hits{ $resource->{id} };
            ($url) = map { $_->{url} =~ s{^https?://[^/]*}{}r } grep { $_->{relation} eq 'next' } @{ $bundle->{link} || [] };
        }
        ok($hits{ $resource->{id} }, "and $resource->{id} is found");
        next if !defined $value{patient};
        is(scalar(grep { (values_of($_, 'patient'))[0] ne $value{patient} } values %hits), 0,
            'among hits of this patient alone');
    }
}

$t->done;
