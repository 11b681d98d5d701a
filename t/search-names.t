# SPDX-License-Identifier: Apache-2.0
# Strings without their punctuation and by their parts; tokens of which the letter case does not count.
use strict;
use warnings;
use utf8;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new;
my @names = ('Carreno Quinones', "O'Brien", 'García-López', 'St. John', 'O’Neill', '???', 'Müller, Jr.', 'x/y (z)');
$t->load(
    (map { { resourceType => 'Patient', id => "p$_", name => [ { family => $names[$_] } ],
        $_ == 4 ? (generalPractitioner => [ { reference => 'Organization/x' } ]) : () } } 0 .. $#names),
    { resourceType => 'Patient', id => 'given', name => [ { given => [ 'Maria Jose', 'J.R.' ] } ], telecom => [
        { system => 'phone', value => '(555) 010-1234' }, { system => 'email', value => 'Jane.Doe@Example.org' } ] },
    { resourceType => 'Organization', id => 'x', name => "St. Mary's Hospital" },
    { resourceType => 'Medication', id => 'm', batch => { lotNumber => 'LOT-7a' } },
    { resourceType => 'ValueSet', id => 'v', url => 'urn:v', version => '1.0-Draft', status => 'draft' },
    { resourceType => 'Observation', id => 'o', status => 'final',
        code => { coding => [ { system => 'urn:c', code => 'Abc', display => 'Blood pressure (arm)' } ] } },
);

sub found {
    my ($search, @ids) = @_;
    my $answer = $t->get("/dev/r4/$search");
    is(join(' ', sort map { $_->{resource}{id} } @{ $answer->json->{entry} || [] }), join(' ', @ids), $search)
        or diag($answer->body);
    return;
}

found("Patient?family=$_", 'p0') for qw(quinones carreno%20quin QUINONES);
found("Patient?family=$_", 'p1') for qw(obrien o'brien O%E2%80%99Brien o%60brien);
found("Patient?family=$_", 'p2') for qw(lopez garcia-lopez garcia%20lopez Garc%C3%ADa);
found("Patient?family=$_", 'p3') for 'st%20john', 'St.%20John', 'john', 'st.john';
found('Patient?family=oneill', 'p4');
found('Patient?family=???', 'p5');
found('Patient?family=jr', 'p6');
found('Patient?family=z', 'p7');
found('Patient?given=jose', 'given');
# two names in one value: what finds nothing says how they are asked for
my $none = $t->get('/dev/r4/Patient?name=Maria%20Garcia%20')->json;
is($none->{total}, 0, 'two names in one value are not found');
is(join(' ', map { "$_->{search}{mode} $_->{resource}{issue}[0]{severity}" } @{ $none->{entry} }),
    'outcome information', '... and an outcome tells');
like($none->{entry}[0]{resource}{issue}[0]{diagnostics}, qr/name=Maria&name=Garcia$/, '... how they are asked for');
found($_) for 'Patient?name=Zoe%20', 'Patient?name:exact=Maria%20Garcia',
    'Patient?family=Maria%20Garcia', 'Organization?name=Maria%20Garcia', 'Patient?name=Maria%20Garcia&_summary=count';
found('Patient?given=jr', 'given');
found('Patient?family=arreno');
found("Patient?family:exact=O'Brien", 'p1');
found('Patient?family:exact=obrien');
found('Patient?family:contains=cia%20lo', 'p2');
found('Organization?name=st%20marys', 'x');
found('Patient?general-practitioner:Organization.name=marys', 'p4');
found('Organization?_has:Patient:general-practitioner:family=oneil', 'x');
found('Patient?_filter=family%20sw%20lopez', 'p2');
found('Patient?_filter=family%20co%20brien', 'p1');
found('Patient?_filter=family%20eq%20quinones');
found('Observation?code:text=pressure%20arm', 'o');

found("Patient?phone=$_", 'given') for '5550101234', '(555)%20010-1234', '555.010.1234';
found("Patient?email=$_", 'given') for 'jane.doe@example.org', 'JANE.DOE@EXAMPLE.ORG';
found("Patient?telecom=$_", 'given') for '555-0101234', 'jane.doe@example.org';
found('Patient?phone=555010');
found("Medication?lot-number=$_", 'm') for 'lot-7a', 'LOT-7A', 'LOT-7a';
found("ValueSet?version=$_", 'v') for qw(1.0-draft 1.0-Draft 1.0-DRAFT 1.0-dRAfT);
found('ValueSet?version=1.0-drafts');
found('ValueSet?url=urn:v|1.0-Draft', 'v');
found('Observation?code=abc');
found('Observation?code=Abc', 'o');

# Punctuation alone is looked for in what was written, at the beginning of a value or of a word.
$t->load({ resourceType => 'Device', id => 'd', udiCarrier => [ { carrierHRF => '(01)00844588(17)141120' } ] },
    { resourceType => 'Device', id => 'e', udiCarrier => [ { carrierHRF => '+H123PARTNO1 (x) 50%_' } ] },
    { resourceType => 'Device', id => 'f', udiCarrier => [ { carrierHRF => '???' } ] });
found('Device?udi-carrier=(', 'd', 'e');
found('Device?udi-carrier=((');
found('Device?udi-carrier=%5C,,(', 'd', 'e');
found('Device?udi-carrier=?', 'f');
found('Device?udi-carrier=(,+h', 'd', 'e');
found('Device?udi-carrier=_');
found('Device?udi-carrier:contains=%25_', 'e');
found('Device?udi-carrier:contains=)', 'd', 'e');
found('Device?udi-carrier:contains=%5C%5C');
found('Device?udi-carrier:exact=???', 'f');
found('Device?udi-carrier:exact=?');
found('Device?_filter=udi-carrier%20eq%20%22???%22', 'f');
found('Device?_filter=udi-carrier%20ew%20%22_%22', 'e');

# What the database folds of rows that were stored before is what the server folds.
is($t->psql(q{SELECT count(*) FROM main.patient WHERE family <> E'\n' || main.fhir_fold(family_exact[1]) || E'\n'}), 0,
    'sql/008-punctuation.sql folds alike');
is($t->psql(q{SELECT main.fhir_fold(v) FROM unnest(ARRAY['J.R.R. Tolkien', '1.5 mg, 1:80 (weak)', 'St.John', 'a.m. 3.',
    '-'])
    v}), "jrr tolkien\n1.5 mg 1 80 weak\nst john\nam 3\n-", 'dots of initials and numbers');

$t->done;
