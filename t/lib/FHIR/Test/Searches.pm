# SPDX-License-Identifier: Apache-2.0
# Searches as templates, with values from whatever database there is: each that US Core 3.1.1 to 8.0.0
# demands (SHALL) and those that are hard to plan. The benchmark times them, t/search-plan.t looks at
# their plans.
package FHIR::Test::Searches;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(@ONE_PATIENT @OTHERS @HARD patients lists requests);

# <x> stands for the values of that name, of which each request takes the next (see lists).
our @ONE_PATIENT = split /\n/, <<'END';
AllergyIntolerance?patient=<p>
CarePlan?patient=<p>&category=assess-plan
CareTeam?patient=<p>&status=active
Condition?patient=<p>
Condition?patient=<p>&category=encounter-diagnosis
Coverage?patient=<p>
Device?patient=<p>
DiagnosticReport?patient=<p>
DiagnosticReport?patient=<p>&category=LAB
DiagnosticReport?patient=<p>&category=LAB&date=ge2015
DiagnosticReport?patient=<p>&code=http://loinc.org|<report>
DocumentReference?patient=<p>
DocumentReference?patient=<p>&category=clinical-note
DocumentReference?patient=<p>&category=clinical-note&date=ge2015
DocumentReference?patient=<p>&type=<note>
Encounter?patient=<p>
Encounter?patient=<p>&date=ge2015
FamilyMemberHistory?patient=<p>
Goal?patient=<p>
Immunization?patient=<p>
MedicationDispense?patient=<p>
MedicationRequest?patient=<p>&intent=order
MedicationRequest?patient=<p>&intent=order&status=active
Observation?patient=<p>&category=vital-signs
Observation?patient=<p>&category=vital-signs&date=ge2015
Observation?patient=<p>&code=8867-4,8302-2
Procedure?patient=<p>
Procedure?patient=<p>&date=ge2015
QuestionnaireResponse?patient=<p>
ServiceRequest?patient=<p>
ServiceRequest?patient=<p>&category=108252007
ServiceRequest?patient=<p>&category=108252007&authored=ge2015
ServiceRequest?patient=<p>&code=<report>
END
our @OTHERS = split /\n/, <<'END';
DocumentReference?_id=<documentreference>
Encounter?_id=<encounter>
QuestionnaireResponse?_id=<questionnaireresponse>
RelatedPerson?_id=<relatedperson>
ServiceRequest?_id=<servicerequest>
Specimen?_id=<specimen>
Patient?_id=<p>
Patient?identifier=<identifier>
Patient?name=<family>
Patient?birthdate=<birthdate>&name=<family>
Patient?gender=<gender>&name=<family>
Location?name=<location>
Location?address=boston
Organization?name=<organization>
Organization?address=boston
Practitioner?name=<practitioner>
Practitioner?identifier=<npi>
PractitionerRole?practitioner=Practitioner/<practitionerid>
PractitionerRole?specialty=207Q00000X
END
our @HARD = map { [ split /: +/, $_, 2 ] } split /\n/, <<'END';
113 values in one OR: Observation?patient=<p>&code=<113>
chain, two values: Observation?patient.name=<family>,<given>
chain, one patient: Observation?patient=<p>&performer:Practitioner.name=lee,smith
zero matches, one patient: Observation?patient=<p>&code=none
zero matches: Patient?name=zzzz
zero matches, no index: Observation?code=none
very common token: Observation?category=vital-signs
very common code: Observation?status=final
common code: Observation?code=8867-4
_has, common: Patient?_has:Observation:patient:code=8867-4
_has, rare: Patient?_has:Condition:patient:code=195967001
_has, one patient: Patient?_id=<p>&_has:Observation:patient:code=8867-4
_has two steps: Practitioner?_has:Encounter:practitioner:_has:Condition:encounter:category=encounter-diagnosis
name prefix, 1 letter: Patient?name=<letter>
name prefix, 3 letters: Patient?name=<start>
family and birth year: Patient?family=<start>&birthdate=<year>
sort by date, one patient: Observation?patient=<p>&_sort=-date
sort by date, oldest first: Observation?patient=<p>&_sort=date
sort by date, all: Observation?code=8867-4&_sort=-date
sort by last update, all: Observation?_sort=-_lastUpdated
deep page, one patient: Observation?patient=<p> @4
deep page, all: Observation?category=vital-signs @40
with Provenance: Observation?patient=<p>&_revinclude=Provenance:target +
with Medication: MedicationRequest?patient=<p>&intent=order&_include=MedicationRequest:medication +
END

# ---- values ----

# sql is a function that runs a query with the tenant's schema in its search_path: rows as lines. JSON,
# not columns, is looked into, so that it does not matter how those are stored.
sub column {
    my ($sql, $query) = @_;
    my $text = $sql->($query);
    utf8::decode($text);
    return split /\n/, $text;
}

# At most that many patients who have at least so many Observations.
sub patients {
    my ($sql, $most, $least) = @_;
    return column($sql, "SELECT id FROM (SELECT id FROM patient ORDER BY md5(id)) p WHERE $least <= "
            . "(SELECT count(*) FROM (SELECT FROM observation WHERE patient = p.id LIMIT $least) o) LIMIT $most");
}

# Values by name, for the records of these patients.
sub lists {
    my ($sql, @p) = @_;
    my $some = "('{" . join(',', @p) . "}'::text[])";
    my $of_patients = sub { column($sql,
            "SELECT resource::jsonb #>> '{$_[0]}' FROM patient WHERE id = ANY $some ORDER BY id") };
    my $of = sub { grep { length } column($sql,
            "SELECT DISTINCT resource::jsonb #>> '{$_[1]}' FROM (SELECT resource FROM $_[0] LIMIT 3000) r") };
    my %lists = (p => \@p, family => [ $of_patients->('name,0,family') ], given => [ $of_patients->('name,0,given,0') ],
        gender => [ $of_patients->('gender') ], birthdate => [ $of_patients->('birthDate') ],
        identifier => [ $of_patients->('identifier,0,value') ],
        report => [ $of->(diagnosticreport => 'code,coding,0,code') ],
        note => [ $of->(documentreference => 'type,coding,0,code') ],
        location => [ $of->(location => 'name') ], organization => [ $of->(organization => 'name') ],
        practitioner => [ $of->(practitioner => 'name,0,family') ], practitionerid => [ $of->(practitioner => 'id') ],
        npi => [ $of->(practitioner => 'identifier,0,value') ]);
    $lists{letter} = [ 'a' .. 'z' ];
    $lists{start} = [ map { substr $_, 0, 3 } @{ $lists{family} } ];
    $lists{year} = [ map { substr $_, 0, 4 } @{ $lists{birthdate} } ];
    my @codes = $of->(observation => 'code,coding,0,code');
    push @codes, "none-" . @codes while @codes < 113;
    $lists{113} = [ join ',', @codes[0 .. 112] ];
    for my $table (qw(documentreference encounter questionnaireresponse relatedperson servicerequest specimen)) {
        $lists{$table} = [ grep { length } column($sql,
                "SELECT (SELECT id FROM $table WHERE patient = p LIMIT 1) FROM unnest$some p") ];
    }
    return \%lists;
}

sub encoded {
    my ($text) = @_;
    utf8::encode($text);
    return $text =~ s/([^A-Za-z0-9_.~,:|\/-])/sprintf '%%%02X', ord $1/ger;
}

# The requests of a template: as many as its longest list, at most so many.
sub requests {
    my ($template, $lists, $most) = @_;
    my @names = $template =~ /<(\w+)>/g;
    my ($n) = sort { $b <=> $a } 1, map { scalar @{ $lists->{$_} } } @names;
    return if grep { !@{ $lists->{$_} } } @names;
    $n = $most if $n > $most;
    return map {
        my $i = $_;
        $template =~ s/<(\w+)>/encoded($lists->{$1}[ $i % @{ $lists->{$1} } ])/ger
    } 0 .. $n - 1;
}

1;
