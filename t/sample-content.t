# SPDX-License-Identifier: Apache-2.0
# What certification tests look for in the first patients beyond profiles: note types, report
# categories, documents behind reports, absent data, provenance, trends that look real.
use strict;
use warnings;
use FHIR::Test::System qw(built read_file run source_dir);
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use Test::More;

my $json = JSON::PP->new->utf8;
my $done = run({}, built('fhirctl'), 'sample', '--patients', 12, '--as-of', '2026-11-20');
is($done->{status}, 0, 'fhirctl sample') or diag($done->{err});
my %of;
for my $line (split /\n/, $done->{out}) {
    my $resource = $json->decode($line);
    $of{ $resource->{resourceType} }{ $resource->{id} } = $resource;
}
sub all { my ($type) = @_; return map { $of{$type}{$_} } sort keys %{ $of{$type} } }
sub codes { return map { map { $_->{code} } @{ $_->{coding} || [] } } @_ }
sub missing { my ($have, @wanted) = @_; return join ' ', grep { !$have->{$_} } @wanted }

# Documents.
my %note = map { $_ => 1 } codes(map { $_->{type} } all('DocumentReference'));
is(missing(\%note, qw(11488-4 18842-5 34117-2 28570-0 11506-3 18748-4 11502-2 11526-1 11504-8 34111-5)), '',
    'clinical notes of every type');
my %category = map { $_ => 1 } codes(map { @{ $_->{category} } } all('DiagnosticReport'));
is(missing(\%category, qw(LP29708-2 LP7839-6 LP29684-5 LAB)), '', 'reports of every category');
my (%url, @unreadable);
for my $document (all('DocumentReference')) {
    my $attachment = $document->{content}[0]{attachment};
    $url{"$document->{subject}{reference} $attachment->{url}"} = 1 if $attachment->{url};
    my ($id) = ($attachment->{url} // '') =~ m{^Binary/(.*)};
    my $text = decode_base64($id ? $of{Binary}{$id}{data} : $attachment->{data});
    push @unreadable, $document->{id} if $text !~ /^[\x20-\x7e\x80-\xff\n]{30,}$/ || !utf8::decode($text);
    push @unreadable, "$document->{id}: no custodian" if $document->{category}[0]{coding}[0]{code} eq 'clinical-note'
        && $document->{custodian}{reference} !~ /^Organization/;
}
is(join(' ', @unreadable), '', 'attachments are text that a person can read');
is(join(' ', map { $_->{id} } grep {
    my $report = $_;
    grep { !$url{"$report->{subject}{reference} $_->{url}"} } @{ $report->{presentedForm} || [] }
} all('DiagnosticReport')), '', 'each presented form is also a document of the patient');

# Absent data.
like($done->{out}, qr{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"},
    'data-absent-reason as an extension');
like($done->{out}, qr{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"unknown"},
    'and as a code');

# Provenance.
my (%target, @agents);
for my $provenance (all('Provenance')) {
    $target{ $_->{reference} } = 1 for @{ $provenance->{target} };
    push @agents, map { "$provenance->{id}" } grep {
        $_->{who}{reference} =~ /^(?:Practitioner|Device)/ && ($_->{onBehalfOf}{reference} // '') !~ /^Organization/
    } @{ $provenance->{agent} };
}
my %shared = map { $_ => 1 } qw(Binary Endpoint Location Medication Organization Practitioner PractitionerRole
    Provenance
    Questionnaire Schedule);
$shared{Patient} = 1 if delete $target{'Patient/amara-okafor'};    # the empty one has none
my @untold = grep { !$target{$_} && !m{^Slot/\D+-\d-\d{8}-} }
    map { my $type = $_; map { "$type/$_" } sort keys %{ $of{$type} } }
    grep { !$shared{$_} } sort keys %of;
is("@untold[0 .. ($#untold < 5 ? $#untold : 5)]", '', 'each resource of a patient has its Provenance');
is("@agents", '', 'people act on behalf of an organization');

# People and places.
my %role = map { $_->{practitioner}{reference} => 1 } all('PractitionerRole');
is(join(' ', grep { !$role{"Practitioner/$_"} || !$of{Practitioner}{$_}{address} }
        sort keys %{ $of{Practitioner} }), '',
    'each practitioner has a role and an address');
my %intent = map { $_->{intent} => 1 } all('MedicationRequest');
is(missing(\%intent, qw(proposal plan order original-order reflex-order filler-order instance-order option)), '',
    'prescriptions of every intent');
my @form = map { $_->{contained} ? 'contained' : $_->{medicationReference} ? 'referenced'
    : 'coded' } all('MedicationRequest');
is(missing({ map { $_ => 1 } @form }, qw(contained referenced coded)), '',
    'medications contained, referenced and coded');
is_deeply([sort { $a cmp $b } keys %{ { map { $_->{status} => 1 } all('Device') } }], [qw(active inactive)],
    'devices of both states');
my @interpreter = grep { /us-core-interpreter-needed/ } map { my $r = $_; map { $_->{url} } @{ $r->{extension} || [] } }
    all('Patient'), all('Encounter');
cmp_ok(scalar @interpreter, '>', 2, 'interpreters are needed');
my %loc = map { $_->{location}[0]{location}{reference} => 1 } all('Encounter');
cmp_ok(scalar keys %loc, '>', 4, 'encounters at several places');
ok((grep { $_->{hospitalization}{dischargeDisposition} } all('Encounter')), 'discharge dispositions');

# A life: A1c of the diabetic is high at first, falls under treatment, is measured for years.
my @a1c = map { [$_->{effectiveDateTime}, $_->{valueQuantity}{value}] } sort {
    $a->{effectiveDateTime} cmp $b->{effectiveDateTime} }
    grep { $_->{id} =~ /^amara/ && $_->{code}{coding}[0]{code} eq '4548-4' && $_->{valueQuantity} } all('Observation');
cmp_ok(scalar @a1c, '>', 20, 'a chart of A1c has points');
cmp_ok($a1c[0][1], '>', $a1c[-1][1] + 0.5, 'and falls');
my ($jumps, $last) = (0);
for (@a1c) { $jumps++ if defined $last && abs($_->[1] - $last) > 1; $last = $_->[1] }
is($jumps, 0, 'without jumps');
my %onset = map { $_->{id} => $_->{onsetDateTime} } all('Condition');
my @early = grep {
    my ($reason) = map { $_->{reference} =~ m{^Condition/(.*)} } @{ $_->{reasonReference} || [] };
    $reason && substr($_->{authoredOn}, 0, length $onset{$reason}) lt $onset{$reason}
} all('MedicationRequest');
is(scalar @early, 0, 'no drug before its illness');
is(scalar(grep { $_->{id} =~ /^jurgen/ } map { all($_) } keys %of), 1, 'the empty patient is empty');
my %length = map { length $_->{birthDate} => 1 } all('Patient');
is(missing(\%length, 4, 7, 10), '', 'birth dates of all precisions');

# What test kits look for in one resource.
my ($screening) = grep { my %has = map { $_ => 1 } codes(@{ $_->{category} });
    !grep { !$has{$_} } qw(survey functional-status disability-status activity social-history) } all('Observation');
like($screening->{meta}{profile}[0], qr/screening-assessment$/, 'a screening of all categories');
is(join(' ', map { $_->{id} } grep { !$_->{context}{period}{start} } all('DocumentReference')), '',
    'each document says which time it is about');

# The page's table.
my $page = read_file(source_dir() . '/docs/sample-data.md');
my ($table) = $page =~ /^(\| \| amara .*?)\n\n/ms;
my $made = run({ stdin => $done->{out} }, source_dir() . '/tools/sample-table')->{out};
is("$table\n", $made, 'docs/sample-data.md says which patient has what');

done_testing;
