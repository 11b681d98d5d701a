#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# URLs and canonical URLs: the short forms in which they are stored, the version behind a URL, and references
# by canonical URL.
use strict;
use warnings;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new;
sub ask { return $t->get("/dev/r4/$_[0]") }
sub included { return join ' ', sort split / /, $t->get("/dev/r4/$_[0]")->found('include') }

# ---- short forms of URLs ----
my $core = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient';
my @listed = split /\n/, $t->psql('SELECT url FROM main.fhir_short_form');
cmp_ok scalar @listed, '>', 20, 'URLs that have short forms';
my @all = map { $_, "${_}x", substr($_, 0, -1) || 'x' } @listed;
my %profiles = (b1 => ['http://zzz.example/p'], b2 => [$core], b3 => ['~Kpatient'], b4 => \@all, b5 => ["$core|6.1.0"]);
$t->load(map { { resourceType => 'Basic', id => $_, code => { text => 'x' },
        meta => { profile => $profiles{$_} } } } keys %profiles);
is $t->psql(q{SELECT string_agg(main.fhir_full(f), ' ' ORDER BY n) FROM main.basic, unnest(meta_profile) WITH
    ORDINALITY u(f, n) WHERE id = 'b4'}),
    "@all", 'the stored forms stand for the URLs';
is $t->psql(q{SELECT count(*) FROM main.basic, unnest(meta_profile) f WHERE f <> main.fhir_short(main.fhir_full(f))}),
    0, 'in SQL, too';
is(ask("Basic?_id=b1,b2,b3&$_->[0]")->found, $_->[1], $_->[0])
    for ['_sort=_profile' => 'b2 b1 b3'], ['_sort=-_profile' => 'b3 b1 b2'], ['_profile=~Kpatient' => 'b3'],
    ["_profile=$core" => 'b2'],
    ['_profile:below=http://hl7.org/fhir/us' => 'b2'], ['_profile:below=~Kpatient,http://hl7.org' => 'b2 b3'],
    ["_profile:above=$core/x" => 'b2'], ['_profile:below=http://hl7.org/fhir/us/core/Struc' => ''];

# ---- the version behind a URL ----
is(ask("Basic?_id=b1,b2,b3,b5&$_->[0]")->found, $_->[1], $_->[0])
    for ["_profile=$core" => 'b2'], ["_profile=$core|6.1.0" => 'b5'], ["_profile:below=$core" => 'b2 b5'],
    ["_profile:below=$core|6" => 'b5'],
    ["_profile:below=$core|6.1" => 'b5'], ["_profile:below=$core|6.1.0" => 'b5'],
    ["_profile:below=$core|6.1.0.1" => ''],
    ["_profile:below=$core|6." => ''], ["_profile:below=$core|5" => ''], ["_profile:above=$core|6.1.0" => 'b2 b5'],
    ["_profile:above=$core|6.1" => 'b2'], ['_profile:below=http://hl7.org/fhir/us' => 'b2 b5'];

# ---- references by canonical URL ----
my $survey = 'http://example.org/Questionnaire/survey';
$t->load((map { { resourceType => 'Questionnaire', id => "q$_", url => $survey, version => "$_",
        status => 'active' } } 1, 2),
    { resourceType => 'Questionnaire', id => 'other', url => "${survey}2", status => 'active' },
    (map { { resourceType => 'QuestionnaireResponse', id => "r$_->[0]", status => 'completed',
        questionnaire => $_->[1] } }
        [ any => $survey ], [ one => "$survey|1" ], [ minor => "$survey|1.2" ], [ ten => "$survey|10" ],
            [ three => "$survey|3" ], [ q2 => 'Questionnaire/q2' ]));
for (
    [ 'Questionnaire?_id=q1&_revinclude=QuestionnaireResponse:questionnaire' => 'rany rone' ],
    [ 'Questionnaire?_id=q2&_revinclude=QuestionnaireResponse:questionnaire' => 'rany rq2' ],
    [ 'Questionnaire?_id=other&_revinclude=QuestionnaireResponse:questionnaire' => '' ],
    [ 'QuestionnaireResponse?_id=rany&_include=QuestionnaireResponse:questionnaire' => 'q1 q2' ],
    [ 'QuestionnaireResponse?_id=rone&_include=QuestionnaireResponse:questionnaire' => 'q1' ],
    [ 'QuestionnaireResponse?_id=rthree&_include=*' => '' ],
    [ 'QuestionnaireResponse?_id=rq2&_include=QuestionnaireResponse:questionnaire:Questionnaire' => 'q2' ],
    )
{
    is(included($_->[0]), $_->[1], "$_->[0] brings '$_->[1]'");
}

for (
    [ 'QuestionnaireResponse?questionnaire.version=1' => 'rany rone' ],
    [ 'QuestionnaireResponse?questionnaire:Questionnaire.version=2' => 'rany rq2' ],
    [ 'QuestionnaireResponse?questionnaire._id=other' => '' ],
    [ 'Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=rone' => 'q1' ],
    [ 'Questionnaire?_has:QuestionnaireResponse:questionnaire:status=completed' => 'q1 q2' ],
    [ 'Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=rthree' => '' ],
    [ "QuestionnaireResponse?questionnaire=$survey" => 'rany rminor rone rten rthree' ],
    [ "QuestionnaireResponse?questionnaire=$survey|1" => 'rone' ],
    [ "QuestionnaireResponse?questionnaire:below=$survey" => 'rany rminor rone rten rthree' ],
    [ "QuestionnaireResponse?questionnaire:below=$survey|1" => 'rminor rone' ],
    [ "QuestionnaireResponse?questionnaire:above=$survey|1.2" => 'rany rminor rone' ],
    [ "Questionnaire?url=$survey" => 'q1 q2' ],
    [ "Questionnaire?url=$survey|2" => 'q2' ],
    [ "Questionnaire?url=$survey|1,${survey}2" => 'other q1' ],
    [ "Questionnaire?url=${survey}2|1" => '' ],
    [ "QuestionnaireResponse?questionnaire:Questionnaire.url=$survey|2" => 'rany rq2' ],
    )
{
    is(ask($_->[0])->found, $_->[1], "$_->[0] finds '$_->[1]'");
}

$t->done;
