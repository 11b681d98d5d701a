# SPDX-License-Identifier: Apache-2.0
# An answer of the server as HTTP::Tiny gives it, with names for what tests ask of it.
package FHIR::Test::Response;

use strict;
use warnings;
use JSON::PP ();

sub new { my ($class, $response) = @_; return bless $response, $class }

sub status { return shift->{status} }
sub body { return shift->{content} // '' }

# A header's value by any letter case; a repeated header gives its values joined by ", ".
sub header {
    my ($self, $name) = @_;
    my $value = $self->{headers}{ lc $name };
    return ref $value ? join(', ', @$value) : $value;
}

# The body as data; dies if it is no JSON. Booleans and numbers are JSON::PP's.
sub json {
    my ($self) = @_;
    return $self->{json} //= JSON::PP->new->utf8->decode($self->body);
}

# Resources of a Bundle in order.
sub resources {
    my ($self) = @_;
    return map { $_->{resource} } @{ $self->json->{entry} || [] };
}

sub ids { return map { $_->{id} } shift->resources }

# The ids of a search's matches (or of another search mode: include) in order, joined by blanks.
sub found {
    my ($self, $mode) = @_;
    return join ' ', map { $_->{resource}{id} }
        grep { $_->{search}{mode} eq ($mode || 'match') } @{ $self->json->{entry} || [] };
}

# The URL of a Bundle's link of that relation, or undef.
sub link {
    my ($self, $relation) = @_;
    my ($link) = grep { $_->{relation} eq $relation } @{ $self->json->{link} || [] };
    return $link && $link->{url};
}

1;
