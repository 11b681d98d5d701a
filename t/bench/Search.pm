# SPDX-License-Identifier: Apache-2.0
# Searches: each that US Core demands, and those that are hard, beside the bare handler with the same
# SQL; and what more data does to those of one patient.
package Search;

use strict;
use warnings;
use Bench;
use Time::HiRes qw(time);

# <x> stands for the values of that name, of which each request takes the next (see lists).
my @ONE_PATIENT = split /\n/, <<'END';
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
my @OTHERS = split /\n/, <<'END';
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
my @HARD = map { [ split /: +/, $_, 2 ] } split /\n/, <<'END';
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
with Provenance: Condition?patient=<p>&_revinclude=Provenance:target +
with Medication: MedicationRequest?patient=<p>&intent=order&_include=MedicationRequest:medication +
END

# ---- values ----

# JSON, not columns, so that it does not matter how those are stored.
sub column {
    my $text = sql(shift);
    utf8::decode($text);
    return split /\n/, $text;
}

sub patients {
    my ($most, $least) = @_;
    return column("SELECT id FROM (SELECT id FROM main.patient ORDER BY md5(id)) p WHERE $least <= "
            . "(SELECT count(*) FROM (SELECT FROM main.observation WHERE patient = p.id LIMIT $least) o) LIMIT $most");
}

sub lists {
    my @p = patients(100, 60);
    die "no patient has 60 Observations: more patients are needed\n" unless @p;
    my $some = "('{" . join(',', @p) . "}'::text[])";
    my $of_patients = sub { column("SELECT resource::jsonb #>> '{$_[0]}' FROM main.patient WHERE id = ANY $some ORDER BY id") };
    my $of = sub { grep { length } column("SELECT DISTINCT resource::jsonb #>> '{$_[1]}' FROM (SELECT resource FROM main.$_[0] LIMIT 3000) r") };
    my %lists = (p => \@p, family => [ $of_patients->('name,0,family') ], given => [ $of_patients->('name,0,given,0') ],
        gender => [ $of_patients->('gender') ], birthdate => [ $of_patients->('birthDate') ],
        identifier => [ $of_patients->('identifier,0,value') ],
        report => [ $of->(diagnosticreport => 'code,coding,0,code') ], note => [ $of->(documentreference => 'type,coding,0,code') ],
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
        $lists{$table} = [ grep { length } column("SELECT (SELECT id FROM main.$table WHERE patient = p LIMIT 1) FROM unnest$some p") ];
    }
    return \%lists;
}

sub encoded {
    my ($text) = @_;
    utf8::encode($text);
    return $text =~ s/([^A-Za-z0-9_.~,:|\/-])/sprintf '%%%02X', ord $1/ger;
}

# The requests of a template: as many as its longest list, at most 60.
sub requests {
    my ($template, $lists) = @_;
    my @names = $template =~ /<(\w+)>/g;
    my ($n) = sort { $b <=> $a } 1, map { scalar @{ $lists->{$_} } } @names;
    return if grep { !@{ $lists->{$_} } } @names;
    $n = 60 if $n > 60;
    return map {
        my $i = $_;
        '/dev/r4/' . $template =~ s/<(\w+)>/encoded($lists->{$1}[ $i % @{ $lists->{$1} } ])/ger . '&_count=50'
    } 0 .. $n - 1;
}

# The page so many pages further on, where there are so many.
sub deep {
    my ($pages, @paths) = @_;
    my @deep;
    for my $path (@paths[0 .. ($#paths < 9 ? $#paths : 9)]) {
        my $n = $pages;
        while ($path and $n--) {
            my ($next) = grep { $_->{relation} eq 'next' } @{ $httpd->get($path)->json->{link} };
            $path = $next && $next->{url} =~ s{^http://[^/]*}{}r;
        }
        push @deep, $path if $path;
    }
    return @deep;
}

# ---- beside the bare handler ----

sub prepared {
    my ($name, $template, $lists) = @_;
    my $includes = $template =~ s/ \+$//;
    my $pages = $template =~ s/ @(\d+)$// ? $1 : 0;
    my @paths = requests($template, $lists);
    @paths = deep($pages, @paths) if $pages and @paths;
    return printf "%-66s no data\n", $name unless @paths;
    my ($matches, @seconds) = (0);
    for my $path (@paths[0 .. ($#paths < 9 ? $#paths : 9)]) {
        my $start = time;
        my $r = $httpd->get($path);
        push @seconds, time - $start;
        die "$path: " . $r->status . ' ' . substr($r->body, 0, 300) . "\n" if $r->status != 200;
        $matches += () = $r->body =~ /"mode":"match"/g;
        last if $seconds[-1] > 5;
    }
    my $slow = median(@seconds) > 0.3;
    @paths = @paths[0 .. ($#paths < 2 ? $#paths : 2)] if $slow;
    return { name => $name, slow => $slow, rows => $matches / @seconds, paths => \@paths,
        $includes ? () : (bare => [ capture('page', @paths) ]) };
}

# Too slow for wrk: one after the other. Seconds are ms here, as wrk's.
sub one_by_one {
    my ($search) = @_;
    my %runs;
    for my $round (0 .. 2) {
        for my $who (qw(bare paths)) {
            my $path = $search->{$who} && $search->{$who}[ $round % @{ $search->{$who} } ] or next;
            my $start = time;
            $httpd->get($path);
            my $ms = (time - $start) * 1000;
            push @{ $runs{ $who eq 'bare' ? 'bare' : 'fhir' } }, { p50 => $ms, rate => 1000 / $ms };
        }
    }
    $runs{rate} = [ map { $runs{fhir}[$_]{rate} / $runs{bare}[$_]{rate} } 0 .. $#{ $runs{bare} } ] if $runs{bare};
    return \%runs;
}

sub report {
    my ($search) = @_;
    my $fhir = paths('fhir', @{ $search->{paths} });
    my $runs = $search->{slow} ? one_by_one($search)
        : $search->{bare} ? measure(paths('bare', @{ $search->{bare} }), $fhir, connections => 4)
        : { fhir => [ map { wrk($fhir, connections => 4) } 0 .. $option{rounds} ] };
    printf "%-66s %5.1f rows %8.2f ms", @$search{qw(name rows)}, median(map { $_->{p50} } @{ $runs->{fhir} });
    printf "  rate %s", spread(@{ $runs->{rate} }) if $runs->{rate};
    printf "  CPU %s", spread(@{ $runs->{cpu} }) if $runs->{cpu};
    print "\n";
    return;
}

sub bench {
    my $lists = lists();
    my @all = grep { ref } map { prepared(@$_, $lists) } (map { [ $_, $_ ] } @ONE_PATIENT, @OTHERS),
        map { [ "$_->[0]: " . $_->[1] =~ s/ [@+]\d*$//r, $_->[1] ] } @HARD;
    know_statements();
    print "search: matches a page (at most 50), median time of mod_fhir on 4 connections; ratios to the bare handler\n";
    report($_) for @all;
    return;
}

# ---- more data ----

my ($lists, @curve);

# What is measured at each size: the same patients each time (hot), and any of those there are.
sub curve {
    my ($patients) = @_;
    my %here = (patients => $patients);
    $lists ||= lists();
    my %any = (%$lists, p => [ patients(60, 60) ]);
    $any{p} = [ grep { length } column("SELECT id FROM (SELECT id FROM main.patient ORDER BY md5(id || 'x') LIMIT 2000) p "
            . 'WHERE 30 <= (SELECT count(*) FROM main.observation WHERE patient = p.id)') ];
    for my $set ([ same => $lists ], [ any => \%any ]) {
        my ($name, $values) = @$set;
        for my $template (@ONE_PATIENT) {
            my @paths = all_requests($template, $values) or next;
            my $file = paths("curve_$name", @paths);
            wrk($file, connections => 2) if $name eq 'same';    # warm
            my @runs = map { wrk($file, connections => 2) } 1 .. ($option{rounds} < 3 ? $option{rounds} : 3);
            $here{"$name $template"} = { p50 => median(map { $_->{p50} } @runs),
                cpu => median(map { $_->{httpd} + $_->{pg} } @runs) };
        }
    }
    $here{yardstick} = yardstick();
    push @curve, \%here;
    return;
}

sub all_requests {
    my ($template, $lists) = @_;
    return map { requests($template, { %$lists, p => [ $_ ] }) } @{ $lists->{p} } if $template !~ /<(?!p>)/;
    return requests($template, $lists);
}

# The machine's speed drifts: what has nothing to do with the data is measured, too.
sub yardstick {
    my $file = paths('yardstick', '/dev/r4/metadata');
    my @runs = map { wrk($file, connections => 2) } 1 .. 3;
    return { p50 => median(map { $_->{p50} } @runs), cpu => median(map { $_->{httpd} + $_->{pg} } @runs) };
}

sub report_curve {
    print "curve: median ms and CPU us a request on 2 connections, by patients in the database; growth from the first\n";
    for my $name ('yardstick', map { my $set = $_; map { "$set $_" } @ONE_PATIENT } qw(same any)) {
        my @found = map { $_->{$name} } @curve;
        next if grep { !$_ } @found;
        printf "%-70s%s  x%.2f CPU x%.2f\n", $name, join('', map { sprintf ' %6.2f ms %5.0f us', @$_{qw(p50 cpu)} } @found),
            map { $found[-1]{$_} / $found[0]{$_} } qw(p50 cpu);
    }
    for my $set (qw(same any)) {
        for my $figure (qw(p50 cpu)) {
            my @growth = map { my $name = "$set $_"; $curve[0]{$name} && $curve[-1]{$name}
                ? $curve[-1]{$name}{$figure} / $curve[0]{$name}{$figure} : () } @ONE_PATIENT;
            printf "%s patients, %s: growth x%s from %d to %d patients\n", $set, $figure eq 'cpu' ? 'CPU' : 'time',
                spread(@growth), map { $_->{patients} } @curve[0, -1];
        }
    }
    return;
}

1;
