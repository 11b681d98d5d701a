# SPDX-License-Identifier: Apache-2.0
# Searches as templates, with values from whatever database there is: each that US Core 3.1.1 to 8.0.0
# demands (SHALL) and those that are hard to plan. The benchmark times them, t/search-plan.t looks at
# their plans.
package FHIR::Test::Searches;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(@ONE_PATIENT @OTHERS @HARD @CLASSES @DASHBOARDS patients lists requests);

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


# What is asked across the practice, by class: each is [ class, templates ]. Classes, parameters and prefixes are
# those of the field's public benchmark of servers (github.com/HealthSamurai/fhir-server-performance-benchmark).
our @CLASSES = map { [ $_->[0], [ split ' ', $_->[1] ] ] } (
    [ string => <<'END' ],
Patient?name=<family> Patient?family=<start> Patient?given=<given> Patient?address=boston Patient?address-city=<city>
Patient?address-state=MA Organization?name=<organization> Organization?address=boston Practitioner?name=<practitioner>
Practitioner?family=<practitioner> Location?name=<location>
END
    [ date => <<'END' ],
Patient?birthdate=<birthdate> Patient?birthdate=ne<birthdate> Patient?birthdate=gt<birthdate>
Patient?birthdate=lt<birthdate> Patient?birthdate=ge<birthdate> Patient?birthdate=le<birthdate>
Patient?birthdate=sa<birthdate> Patient?birthdate=eb<birthdate> Observation?date=<day> Observation?date=ne<day>
Observation?date=gt<day> Observation?date=lt<day> Observation?date=ge<day> Observation?date=le<day>
Observation?date=sa<day> Observation?date=eb<day> Encounter?date=<day> Encounter?date=ne<day> Encounter?date=gt<day>
Encounter?date=lt<day> Encounter?date=ge<day> Encounter?date=le<day> Encounter?date=sa<day> Encounter?date=eb<day>
END
    [ token => <<'END' ],
Observation?category=vital-signs Observation?category=laboratory,survey Observation?code=<code>
Observation?code=http://loinc.org|<code> Observation?code=8867-4,8302-2 Observation?status=final
Observation?status=amended,corrected Encounter?class=AMB Encounter?class=EMER,IMP Encounter?status=finished
Condition?code=<problem> Condition?clinical-status=active Patient?gender=<gender> MedicationRequest?status=active
DiagnosticReport?category=LAB
END
    [ quantity => join '', map {<<"END"} '', qw(ne gt lt ge le) ],
Observation?value-quantity=${_}7.5 Observation?value-quantity=${_}120||mm[Hg]
Observation?value-quantity=${_}80|http://unitsofmeasure.org|kg Observation?component-value-quantity=${_}120
Observation?component-value-quantity=${_}80||mm[Hg] Observation?combo-value-quantity=${_}37||Cel
Observation?combo-value-quantity=${_}140
END
    [ composite => <<'END' ],
Observation?code-value-quantity=4548-4$gt9 Observation?code-value-quantity=8867-4$ge100||/min
Observation?code-value-quantity=8302-2$lt150 Observation?component-code-value-quantity=8480-6$gt150
Observation?component-code-value-quantity=8462-4$le60||mm[Hg] Observation?combo-code-value-quantity=8480-6$ge140
Observation?combo-code-value-quantity=4548-4$gt6.5 Observation?code-value-concept=72166-2$266919005
Observation?code-value-date=72166-2$ge2015
END
    [ reference => <<'END' ],
Observation?subject=Patient/<p> Observation?encounter=Encounter/<encounter>
Observation?performer=Practitioner/<practitionerid> Observation?performer=Organization/<organizationid>
Encounter?participant=Practitioner/<practitionerid> Encounter?service-provider=Organization/<organizationid>
Condition?encounter=Encounter/<encounter> MedicationRequest?requester=Practitioner/<practitionerid>
ServiceRequest?requester=Practitioner/<practitionerid> DiagnosticReport?encounter=Encounter/<encounter>
END
);

# What dashboards, laboratory interfaces, registries and synchronization ask: [ what, template ]. A + at the end:
# with inclusions, which a count leaves out.
our @DASHBOARDS = map { [ split /: +/, $_, 2 ] } split /\n/, <<'END';
visits of a day: Encounter?date=<day>
visits of a day at a place: Encounter?date=<day>&location=Location/<locationid>
visits of a day of a practitioner: Encounter?date=<day>&participant=Practitioner/<practitionerid>
a report by accession number: DiagnosticReport?identifier=<accession>
records of an encounter: Observation?encounter=Encounter/<encounter>
results of a day by category: Observation?category=laboratory&date=<day>
HbA1c above 9, ever: Observation?code-value-quantity=4548-4$gt9
HbA1c above 9, this year: Observation?code-value-quantity=4548-4$gt9&date=ge2026
people with a problem: Condition?code=<problem>
people with a problem, by _has: Patient?_has:Condition:patient:code=<problem>
a practitioner's panel: Patient?general-practitioner=Practitioner/<practitionerid>
active orders: MedicationRequest?status=active&intent=order
open service requests: ServiceRequest?status=active
who takes a drug: MedicationRequest?code=<drug>&status=active
vaccinations of a season: Immunization?date=ge2025-09&date=lt2026-04
a vaccine, of a season: Immunization?vaccine-code=<vaccine>&date=ge2025-09
documents of a kind since a date: DocumentReference?type=<note>&date=ge2026-01
by profile: Observation?_profile=http://hl7.org/fhir/us/core/StructureDefinition/us-core-blood-pressure
by tag: Observation?_tag=none
by source: Observation?_source=http://none.example
a chain to a practitioner's name: Encounter?participant:Practitioner.name=<practitioner>
visits with their patients: Encounter?date=<day>&_include=Encounter:subject +
visits with their observations: Encounter?date=<day>&_revinclude=Observation:encounter +
orders with who ordered: MedicationRequest?status=active&_include=MedicationRequest:requester +
what changed: Observation?_lastUpdated=ge2026-11-01
what changed, two types: ?_type=Patient,Encounter&_lastUpdated=ge2026-11-01
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
    $lists{"${_}id"} = [ column($sql, "SELECT id FROM $_ ORDER BY md5(id) LIMIT 300") ] for qw(location organization);
    $lists{city} = [ $of_patients->('address,0,city') ];
    $lists{day} = [ map { substr $_, 0, 10 } $of->(encounter => 'period,start') ];
    $lists{code} = [ $of->(observation => 'code,coding,0,code') ];
    $lists{problem} = [ $of->(condition => 'code,coding,0,code') ];
    $lists{drug} = [ $of->(medicationrequest => 'medicationCodeableConcept,coding,0,code') ];
    $lists{vaccine} = [ $of->(immunization => 'vaccineCode,coding,0,code') ];
    # reports of the laboratory have one, those of studies have none, and a type is loaded patient by patient
    $lists{accession} = [ grep { length } column($sql, "SELECT resource::jsonb #>> '{identifier,0,value}' FROM "
            . "diagnosticreport WHERE patient = ANY $some ORDER BY id") ];
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
